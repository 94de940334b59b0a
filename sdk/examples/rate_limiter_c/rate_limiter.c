/* rate_limiter_c/rate_limiter.c - at most so many records a second of each key, in plain C.
 *
 * All of a plugin without the C++ layer: a table of functions, which is the one thing the file
 * exports, and constant data that the host reads without calling anything. Whoever writes a binding
 * for another language does the same things in the same order.
 *
 * What the compiler cannot check for you:
 *   - a function runs where abi.h says: [lane] is one thread at a time, so no locks are needed
 * here;
 *   - pointers you are given are borrowed, until the call returns unless abi.h says otherwise;
 *   - nothing may leave a function but its return: no exception, no longjmp, no exit. */
#include <sluice/abi.h>
#include <sluice/ext/swap.h>

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* A borrowed string of a literal. */
#define TEXT(literal) \
  { (literal), sizeof(literal) - 1 }

static int same(sluice_str left, const char* right) {
  return left.size == strlen(right) && memcmp(left.data, right, left.size) == 0;
}

/* A message for people, into a buffer of the host's. */
static void say(sluice_text* out, const char* message) {
  if (out == NULL) return;
  const size_t size = strlen(message);
  out->size = size < out->capacity ? size : out->capacity;
  memcpy(out->data, message, out->size);
}

/* --- configuration --------------------------------------------------------------------------- */

/* [rows] */
/* One row a key. The host parses, defaults and checks by it, writes the documentation from it, and
 * hands over values in the order of the rows. */
enum { ROW_RATE, ROW_BURST, ROWS };
static const sluice_field rows[ROWS] = {
    [ROW_RATE] = {.kind = SLUICE_INTEGER,
                  .flags = SLUICE_FIELD_LIVE,
                  .key = TEXT("rate"),
                  .doc = TEXT("Most records of a key in a second."),
                  .unit = TEXT("1/s"),
                  .default_text = TEXT("10"),
                  .minimum = 1,
                  .maximum = 1000000},
    [ROW_BURST] = {.kind = SLUICE_INTEGER,
                   .flags = SLUICE_FIELD_LIVE,
                   .key = TEXT("burst"),
                   .doc = TEXT("Records of a key that pass at once after a pause."),
                   .unit = TEXT("records"),
                   .default_text = TEXT("1"),
                   .minimum = 1,
                   .maximum = 1000000},
};
/* [/rows] */

#define SECOND 1000000000
/* A pause longer than this earns nothing more. */
#define PAUSE_MAX_S 60

/* [any] A rule across keys, which no single row can say. */
static sluice_status validate(const sluice_value* values, uint32_t count, sluice_text* errors) {
  if (count < ROWS) return SLUICE_FAILED;
  if (values[ROW_BURST].integer <= PAUSE_MAX_S * values[ROW_RATE].integer) return SLUICE_OK;
  say(errors, "burst: is more than a minute's records; at most 60 times rate is allowed\n");
  return SLUICE_FAILED;
}

/* --- the stage ------------------------------------------------------------------------------- */

/* What is known of a key. Also what its state is made of: no padding, so that all bytes are set. */
typedef struct key_state {
  int64_t free_ns; /* host clock: when all that passed is paid for */
  double dropped;  /* weight of what was dropped since the last one that passed */
} key_state;

typedef struct limiter {
  int64_t interval_ns; /* between two records of a key, on average */
  int64_t credit_ns;   /* how far ahead of its rate a key may be */
  key_state* keys;     /* owned; by sluice_record.index, which is dense */
  size_t key_count;
} limiter;

static void set_values(limiter* self, const sluice_value* values) {
  self->interval_ns = SECOND / values[ROW_RATE].integer;
  self->credit_ns = (values[ROW_BURST].integer - 1) * self->interval_ns;
}

/* [control] */
static void* create(const sluice_host* host, const sluice_value* values, uint32_t count,
                    sluice_text* error) {
  (void)host; /* would be kept for its calls: emit, hold, wake_at, log, ... */
  limiter* self = count < ROWS ? NULL : calloc(1, sizeof *self);
  if (self == NULL) {
    say(error, "there is no memory for it");
    return NULL;
  }
  set_values(self, values);
  return self;
}

/* [control] What create made comes back here, and is freed by who made it. */
static void destroy(void* stage) {
  limiter* self = stage;
  free(self->keys);
  free(self);
}

/* Room for `count` keys, those that are new all zero. */
static int grow(limiter* self, size_t count) {
  key_state* keys = realloc(self->keys, count * sizeof *keys);
  if (keys == NULL) return 0;
  memset(keys + self->key_count, 0, (count - self->key_count) * sizeof *keys);
  self->keys = keys;
  self->key_count = count;
  return 1;
}

/* Room for a key that was never seen: the only allocation, and none once all keys are known. */
static int make_room(limiter* self, uint32_t index) {
  if (index < self->key_count) return 1;
  return grow(self, index < 512 ? 1024 : 2 * (size_t)index);
}

/* Each record that passes costs an interval; a key may be `credit_ns` in debt. */
static int may_pass(const limiter* self, key_state* key, int64_t now_ns) {
  const int64_t debt_max = self->credit_ns + self->interval_ns;
  if (key->free_ns > now_ns + debt_max) key->free_ns = now_ns + debt_max; /* other values before */
  if (key->free_ns - now_ns > self->credit_ns) return 0;
  if (key->free_ns < now_ns) key->free_ns = now_ns;
  key->free_ns += self->interval_ns;
  return 1;
}

/* [process] */
/* [lane] Answers for each record of the batch; what is not answered is kept. */
static sluice_status process(void* stage, sluice_batch* batch, sluice_text* error) {
  limiter* self = stage;
  for (uint32_t i = 0; i < batch->count; ++i) {
    sluice_record* record = &batch->records[i];
    if (record->priority == SLUICE_PRIORITY_HIGH) continue; /* never dropped by policy */
    if (!make_room(self, record->index)) {
      say(error, "there is no memory for another key");
      return SLUICE_FAULT; /* all answers are void, the batch is dropped as `fault` */
    }
    key_state* key = &self->keys[record->index];
    if (may_pass(self, key, batch->now_ns)) {
      record->weight += (float)key->dropped; /* it stands for those, too */
      key->dropped = 0;
    } else {
      key->dropped += (double)record->weight;
      batch->answers[i] = SLUICE_DROP_SAMPLED;
    }
  }
  return SLUICE_OK;
}
/* [/process] */

/* --- being changed while the pipeline runs (ext/swap.h) ----------------------------------------
 */

/* The state's schema: these bytes never change their meaning. Another layout is rate_limiter/2, and
 * a plugin that writes it goes on reading this one for a while: both are then in `readable`. */
#define STATE "rate_limiter/1"
static const sluice_str readable[] = {TEXT(STATE)};

/* [lane] Between two batches; the stage is as usable as before. */
static sluice_status export_state(void* stage,
                                  void (*write)(void* context, const uint8_t* data, uint64_t size),
                                  void* context, sluice_text* error) {
  (void)error;
  const limiter* self = stage;
  write(context, (const uint8_t*)self->keys, self->key_count * sizeof *self->keys);
  return SLUICE_OK;
}

static int makes_sense(const key_state* key) {
  return key->free_ns >= 0 && isfinite(key->dropped) && key->dropped >= 0 && key->dropped < 1e30;
}

/* [control] Once, on a new stage. The bytes are another version's, perhaps a broken one's. */
static sluice_status import_state(void* stage, sluice_str schema, const uint8_t* data,
                                  uint64_t size, sluice_text* error) {
  limiter* self = stage;
  if (!same(schema, STATE) || size % sizeof(key_state) != 0 || size / sizeof(key_state) > 1 << 24) {
    say(error, "is no state that this version reads");
    return SLUICE_FAILED;
  }
  const uint32_t count = (uint32_t)(size / sizeof(key_state));
  if (count == 0) return SLUICE_OK;
  if (!grow(self, count)) { /* as it was: with room to spare it would grow with each swap */
    say(error, "there is no memory for the state");
    return SLUICE_FAILED;
  }
  memcpy(self->keys, data, size);
  for (uint32_t i = 0; i < count; ++i) {
    if (makes_sense(&self->keys[i])) continue;
    say(error, "a key of the state makes no sense");
    return SLUICE_FAILED;
  }
  return SLUICE_OK;
}

/* [lane] Required, for the rows say SLUICE_FIELD_LIVE. */
static sluice_status reconfigure(void* stage, const sluice_value* values, uint32_t count,
                                 sluice_text* error) {
  if (count < ROWS) {
    say(error, "too few values");
    return SLUICE_FAILED;
  }
  set_values(stage, values);
  return SLUICE_OK;
}

static const sluice_swap swap = {
    .size = sizeof(sluice_swap),
    .reads_count = sizeof readable / sizeof readable[0],
    .writes = TEXT(STATE),
    .reads = readable,
    .export_state = export_state,
    .import_state = import_state,
    .reconfigure = reconfigure,
};

/* [any] Extensions are found by name; of one that is not known, null. */
static const void* extension(sluice_str id) { return same(id, SLUICE_EXT_SWAP) ? &swap : NULL; }

/* --- the one thing that is exported ------------------------------------------------------------
 */

/* [entry] */
extern __attribute__((visibility("default"))) const sluice_plugin sluice_plugin_entry;
const sluice_plugin sluice_plugin_entry = {
    .magic = SLUICE_ABI_MAGIC,
    .abi_major = SLUICE_ABI_MAJOR,
    .abi_minor = SLUICE_ABI_MINOR,
    .size = sizeof(sluice_plugin),
    .kind = SLUICE_TRANSFORM,
    .field_count = ROWS,
    .field_size = sizeof(sluice_field),
    .name = TEXT("rate_limiter"),
    .version = TEXT("1.0.0"),
    .summary = TEXT("Passes at most so many records a second of each key."),
    .fields = rows,
    .validate = validate,
    .create = create,
    .destroy = destroy,
    .process = process,
    .extension = extension,
};
/* [/entry] */
