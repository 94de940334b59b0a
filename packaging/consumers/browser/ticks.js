// What every reader of ticks needs, whatever it does with them: to notice what it missed, and to hold no
// more than it can show.

/** What is missing between two numbers of one instrument: each of its ticks has the number after the one
 * before, whether it came here or not. What was missed was sampled or shed on the way (`weight` then says
 * how many ticks one stands for), or lost by what carried it. */
export class Gaps {
  #last = new Map();
  missed = 0;
  restarts = 0;

  /** How many of this instrument's ticks were missed before this one; -1 where its numbers began anew. */
  see(key, seq) {
    const last = this.#last.get(key);
    this.#last.set(key, seq);
    if (last === undefined) return 0;
    if (seq <= last) {
      ++this.restarts;
      return -1;
    }
    this.missed += seq - last - 1;
    return seq - last - 1;
  }
}

/** Gathers ticks between two frames: each instrument's newest, so that it is as large as there are
 * instruments at most, however long no frame comes (a page that is not shown has none). */
export class Batches {
  #newest = new Map();
  merged = 0; // ticks that gave way to a newer one of their instrument

  add(key, tick) {
    if (this.#newest.has(key)) ++this.merged;
    this.#newest.set(key, tick);
  }

  take() {
    const taken = this.#newest;
    this.#newest = new Map();
    return taken;
  }
}
