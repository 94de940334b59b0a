// The official client (npm package kiteconnect) against a Kite ticker, and what it sees, as JSON
// lines on standard output.
//
//   npm ci
//   node watch.js URL API_KEY ACCESS_TOKEN TOKENS SECONDS [CHANGES]
//
//   URL      ws://127.0.0.1:9010/
//   TOKENS   408065:full,256265:ltp,884737     without a mode it is subscribed and nothing more,
//                                              which makes it "quote"
//   SECONDS  how long to watch
//   CHANGES  2:ltp,4:full                      so many seconds after the start, all tokens change
//                                              to this mode
//
// Each line is an object with `event` and `at` (milliseconds since the start):
//   {"event":"connect"}                        also after each reconnect; subscriptions are renewed
//   {"event":"ticks","ticks":[...],"frame":"AAEA..."}
//                                              as the client hands them out, times as ISO strings,
//                                              and the frame they came in, in base64
//   {"event":"order_update","order":{...}}
//   {"event":"heartbeat"}
//   {"event":"mode","mode":"ltp"}              a change was asked for
//   {"event":"error"|"close"|"disconnect","reason":"..."}
//   {"event":"reconnect","try":1,"delay":2}    and "noreconnect"
//   {"event":"end","connects":1,"ticks":42}
// Exit code: 0, 1 if it never connected, 64 for wrong arguments.
"use strict";

function usage(problem) {
  console.error(`${problem}\nusage: node watch.js URL API_KEY ACCESS_TOKEN TOKENS SECONDS [CHANGES]`);
  process.exit(64);
}

const modes = ["ltp", "quote", "full"];
const [url, apiKey, accessToken, tokenList, secondsText, changeList] = process.argv.slice(2);
if (secondsText === undefined) usage("too few arguments");

const wanted = new Map();
for (const item of tokenList.split(",").filter((text) => text !== "")) {
  const [token, mode] = item.split(":");
  if (!/^\d+$/.test(token)) usage(`TOKENS: "${token}" is not a number`);
  if (mode !== undefined && !modes.includes(mode)) usage(`TOKENS: "${mode}" is not a mode`);
  wanted.set(Number(token), mode);
}
const seconds = Number(secondsText);
if (!(seconds > 0)) usage(`SECONDS: "${secondsText}" is not a number above 0`);
const changes = (changeList || "").split(",").filter((text) => text !== "").map((item) => {
  const [after, mode] = item.split(":");
  if (!(Number(after) >= 0) || !modes.includes(mode)) usage(`CHANGES: "${item}" is not SECONDS:MODE`);
  return { after: Number(after), mode };
});

const { KiteTicker } = require("kiteconnect");
const started = Date.now();
let connects = 0, ticksSeen = 0, frame = null;

function print(event, more) {
  console.log(JSON.stringify({ event, at: Date.now() - started, ...more }));
}
function reason(value) {
  return { reason: String((value && (value.message || value.reason || value.code)) || value || "") };
}

const ticker = new KiteTicker({ api_key: apiKey, access_token: accessToken, root: url });
ticker.autoReconnect(true, 50, 5);

function subscribe() {
  const tokens = [...wanted.keys()];
  if (tokens.length !== 0) ticker.subscribe(tokens);
  for (const mode of modes) {
    const inMode = tokens.filter((token) => wanted.get(token) === mode);
    if (inMode.length !== 0) ticker.setMode(mode, inMode);
  }
}

ticker.on("connect", () => {
  ++connects;
  print("connect");
  subscribe();
});
ticker.on("ticks", (ticks) => {
  ticksSeen += ticks.length;
  print("ticks", { ticks, frame: frame.toString("base64") });
});
ticker.on("order_update", (order) => print("order_update", { order }));
// The client hands out each binary message just before the ticks it holds.
ticker.on("message", (data) => {
  if (!(data instanceof ArrayBuffer)) return;
  frame = Buffer.from(data);
  if (frame.length === 1) print("heartbeat");
});
ticker.on("reconnect", (attempt, delay) => print("reconnect", { try: attempt, delay }));
ticker.on("noreconnect", () => print("noreconnect"));
for (const event of ["error", "close", "disconnect"])
  ticker.on(event, (value) => print(event, reason(value)));

for (const { after, mode } of changes)
  setTimeout(() => {
    for (const token of wanted.keys()) wanted.set(token, mode);
    print("mode", { mode });
    if (ticker.connected()) ticker.setMode(mode, [...wanted.keys()]);
  }, after * 1000);

setTimeout(() => {
  ticker.autoReconnect(false, 0, 5);
  ticker.disconnect();
  print("end", { connects, ticks: ticksSeen });
  process.exitCode = connects === 0 ? 1 : 0;
  setTimeout(() => process.exit(), 100);
}, seconds * 1000);

ticker.connect();
