/* sluice/abi.h - the contract between the Sluice core and a plugin.
 * Plain C: fixed-width types, sized structs, borrowed strings, no allocation across the boundary.
 * C++ authors include <sluice/stage.hpp> instead, which is this contract with types.
 * A plugin is one shared object that exports one symbol, the constant `sluice_plugin_entry`.
 * Threads. Every function says where it may be called:
 *   [lane]     on the stage's lane: one thread at a time, never two at once, not while [control]
 *   [control]  on a worker of the host while the stage is in no lane (create, destroy, validate)
 *   [any]      on any thread, at any time between create and destroy
 * Ownership. Every pointer is borrowed unless it says "owned"; it is valid until the call it was
 * handed to returns unless it says otherwise. Nobody frees what the other side allocated.
 * Exceptions never cross. Strings are UTF-8, {pointer, length}, not terminated.
 * Time is nanoseconds: monotonic on the host's clock unless called unix time.
 * Compatibility. What was released in a major version is frozen: structs grow at their end, and
 * `size` says how much of one its writer knew. Enumerators are appended only where a reader may
 * ignore what it does not know. New abilities are extensions (ext/<name>.h), found by string id. */
#ifndef SLUICE_ABI_H
#define SLUICE_ABI_H
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

#define SLUICE_ABI_MAGIC 0x49554C53u /* "SLUI" */
#define SLUICE_ABI_MAJOR 1
#define SLUICE_ABI_MINOR 0

#define SLUICE_BATCH_MAX 256u    /* most records in one batch */
#define SLUICE_NEVER INT64_MAX   /* a deadline or wake-up time that does not come */
#define SLUICE_AT_END UINT32_MAX /* for emit and release: behind every record of the batch */

typedef struct sluice_str {
  const char* data; /* borrowed; null only when size is 0 */
  uint64_t size;    /* bytes */
} sluice_str;

/* A buffer of the caller's, for a message; the callee cuts what does not fit. */
typedef struct sluice_text {
  char* data;              /* borrowed */
  uint64_t capacity, size; /* size is set by the callee */
} sluice_text;

/* What a call answers. */
enum {
  SLUICE_OK = 0,
  SLUICE_AGAIN = 1,   /* not done: call again after the next wake-up, timer or poll */
  SLUICE_INVALID = 2, /* the caller broke the contract; nothing was done, a fault is counted */
  SLUICE_FULL = 3,    /* no room; nothing was done */
  SLUICE_FAILED = 4,  /* an operating error, already logged or described */
  SLUICE_FAULT = 5    /* the plugin threw or gave up: its answers are void */
};
typedef uint32_t sluice_status;

/* Kinds. A guard stands directly before one sink, in its lane; see ext/guard.h. */
enum { SLUICE_SOURCE, SLUICE_TRANSFORM, SLUICE_SINK, SLUICE_GUARD, SLUICE_SERVICE };

/* What a transform does beyond keep and drop, and what a stage needs of the host. An answer or a
 * host call that was not declared is a fault. */
enum {
  SLUICE_CAN_ABSORB = 1u << 0,
  SLUICE_CAN_HOLD = 1u << 1,
  SLUICE_CAN_EMIT = 1u << 2,
  SLUICE_CAN_IO = 1u << 3,      /* has an event loop: poll and wake are set */
  SLUICE_NEVER_DELAY = 1u << 4, /* source: blocking it loses data elsewhere (a broker's socket) */
  SLUICE_CAN_PRINT = 1u << 5    /* sink: standard output is where its records go */
};

/* Order in a queue. 0 is never dropped by policy. */
enum { SLUICE_PRIORITY_HIGH = 0, SLUICE_PRIORITY_NORMAL = 1, SLUICE_PRIORITY_LOW = 2 };

enum { SLUICE_RECORD_SNAPSHOT = 1u << 0 /* cached state, sent anew at subscription */ };

/* One record: a header of one cache line and a view of its payload. */
typedef struct sluice_record {
  uint64_t key;        /* the source's name for what this is about, e.g. instrument token */
  uint32_t index;      /* dense number of (source, key), set by the host, < max_keys */
  uint16_t schema;     /* the host's number of the payload format, see sluice_host.schema */
  uint8_t priority;    /* SLUICE_PRIORITY_*; a transform may change it */
  uint8_t flags;       /* SLUICE_RECORD_* */
  uint64_t seq;        /* per key, from 1, set by the host before any drop */
  int64_t received_ns; /* host clock */
  int64_t exchange_ns; /* unix time of the event at its origin, 0 if unknown */
  const uint8_t* data; /* payload; borrowed, valid until the call returns */
  uint32_t size;       /* bytes of payload */
  float weight;        /* how many records this one stands for, >= 1; a sampler multiplies it */
  uint64_t reserved;   /* the host's */
} sluice_record;

/* A transform's answer for each record. A sink answers the same way: SLUICE_KEEP is "published".
 * An answer of 1 to 31 drops the record for that reason. */
enum {
  SLUICE_KEEP = 0,
  /* clang-format off */
  SLUICE_DROP_SAMPLED = 1, SLUICE_DROP_SHED = 2, SLUICE_DROP_CIRCUIT_OPEN = 3,
  SLUICE_DROP_OVERFLOW = 4, SLUICE_DROP_CONFLATED = 5, SLUICE_DROP_EXPIRED = 6,
  SLUICE_DROP_OVERSIZE = 7, SLUICE_DROP_MALFORMED = 8, SLUICE_DROP_UNROUTED = 9,
  SLUICE_DROP_FAULT = 10, SLUICE_DROP_SHUTDOWN = 11, SLUICE_DROP_REASONS = 12, /* one past the last */
  /* clang-format on */
  SLUICE_ABSORB = 32,   /* its content now lives in the stage's state */
  SLUICE_HELD = 33,     /* set by sluice_host.hold, not by the stage */
  SLUICE_PENDING = 34,  /* sink: sent, its outcome comes by sluice_host.report */
  SLUICE_RETURNED = 35, /* sink: not a byte of it was sent; the host keeps and offers it again */
  SLUICE_REFUSED = 36   /* sink: the attempt failed; counted as failed */
};

enum { SLUICE_HEALTHY = 0, SLUICE_WARNING = 1, SLUICE_CRITICAL = 2, SLUICE_OVERLOAD = 3 };

/* The worst sink this stage can reach, as of the last 100 ms. */
typedef struct sluice_pressure {
  uint32_t size;
  uint32_t level;        /* SLUICE_HEALTHY ... SLUICE_OVERLOAD */
  double offered_per_s;  /* records that wanted to reach it */
  double capacity_per_s; /* what it can take; 0 while unknown */
  uint64_t pending;      /* records queued and unacknowledged */
  int64_t oldest_ns;     /* age of the oldest of them */
} sluice_pressure;

typedef struct sluice_batch {
  uint32_t size;
  uint32_t count;                  /* 1 ... SLUICE_BATCH_MAX */
  sluice_record* records;          /* borrowed; only weight and priority may be changed */
  uint8_t* answers;                /* borrowed; count of them, all SLUICE_KEEP */
  int64_t now_ns;                  /* host clock, read once for the batch */
  uint64_t call;                   /* sink: names this batch in sluice_outcome.call */
  const sluice_pressure* pressure; /* borrowed */
} sluice_batch;

/* How sent records ended. */
enum { SLUICE_PUBLISHED = 0, SLUICE_PUBLISH_FAILED = 1, SLUICE_PUBLISH_UNKNOWN = 2 };

/* Why they did not end well. */
enum {
  SLUICE_CAUSE_NONE = 0,
  SLUICE_CAUSE_CONNECTION = 1, /* refused, reset, unreachable */
  SLUICE_CAUSE_TIMEOUT = 2,
  SLUICE_CAUSE_BUSY = 3,    /* the peer says later: out of memory, loading, read only */
  SLUICE_CAUSE_REJECTED = 4 /* the peer says never: permission, wrong type: a configuration fault */
};

/* The end of the next `count` records of a call, in the order they were handed over. With call 0
 * and count 0: the end of an attempt to connect, SLUICE_PUBLISHED if it is connected now. */
typedef struct sluice_outcome {
  uint32_t size;
  uint32_t result; /* SLUICE_PUBLISHED ... */
  uint32_t cause;  /* SLUICE_CAUSE_* */
  uint32_t count;
  uint64_t call;      /* sluice_batch.call */
  uint64_t incident;  /* outcomes of one nonzero incident (a lost connection) are one failure */
  int64_t written_ns; /* when the first byte of the call was written */
  int64_t done_ns;    /* when the reply came */
  uint64_t receivers; /* readers that got them, in all; 0 is a state, not an error */
} sluice_outcome;

/* --- configuration ------------------------------------------------------------------------- */

enum {
  SLUICE_BOOLEAN = 0,
  SLUICE_INTEGER = 1,
  SLUICE_NUMBER = 2,
  SLUICE_STRING = 3,
  SLUICE_DURATION = 4, /* "100ms"; a bare number in an environment variable is seconds */
  SLUICE_SIZE = 5,     /* "64KiB"; bytes */
  SLUICE_CHOICE = 6,   /* one of `choices` */
  SLUICE_STRINGS = 7   /* list of strings; a list of integers is taken too */
};

enum {
  SLUICE_FIELD_REQUIRED = 1u << 0,
  SLUICE_FIELD_SECRET = 1u << 1, /* SLUICE_STRING: reaches the plugin as a handle */
  SLUICE_FIELD_LIVE = 1u << 2,   /* may change while the stage runs */
  SLUICE_FIELD_ADVANCED = 1u << 3,
  SLUICE_FIELD_DEPRECATED = 1u << 4,
  SLUICE_FIELD_FILE = 1u << 5 /* SLUICE_STRING: a file to read, relative to the pipeline's */
};

/* One configuration key: the host parses, defaults, checks and documents from this row alone. */
typedef struct sluice_field {
  uint32_t kind;           /* SLUICE_BOOLEAN ... */
  uint32_t flags;          /* SLUICE_FIELD_* */
  sluice_str key;          /* snake_case noun */
  sluice_str doc;          /* one sentence or more */
  sluice_str unit;         /* for people: "records", "1/s"; may be empty */
  sluice_str default_text; /* as in the file, strings unquoted; no data: none, not set */
  sluice_str choices;      /* SLUICE_CHOICE: "a|b|c" */
  sluice_str environment;  /* a variable that overrides the file; may be empty */
  double minimum, maximum; /* inclusive, in the kind's unit (ns, bytes); for strings: length */
} sluice_field;

/* A checked value, in the order of the rows. */
typedef struct sluice_value {
  uint32_t kind;
  uint32_t set;           /* 0: not given and without default; the rest is zero */
  int64_t integer;        /* boolean 0/1, integer, duration in ns, size in bytes, choice's number */
  double number;          /* SLUICE_NUMBER */
  sluice_str string;      /* SLUICE_STRING, SLUICE_CHOICE; empty for a secret */
  const sluice_str* list; /* SLUICE_STRINGS; borrowed */
  uint64_t list_size;
  uint64_t secret; /* handle for sluice_host.secret; 0: none */
} sluice_value;

/* --- what the host offers a stage ------------------------------------------------------------ */

enum { SLUICE_DEBUG = 0, SLUICE_INFO = 1, SLUICE_WARN = 2, SLUICE_ERROR = 3 };

/* One per stage; valid from create until destroy returns. */
typedef struct sluice_host sluice_host;
struct sluice_host {
  uint32_t size;
  uint32_t minor;             /* the host's SLUICE_ABI_MINOR */
  sluice_str pipeline, stage; /* names; valid as long as the host */

  /* [any] host clock, and unix time */
  int64_t (*now)(const sluice_host* host);
  int64_t (*unix_time)(const sluice_host* host);
  /* [any] never a secret, never a record's content above SLUICE_DEBUG */
  void (*log)(const sluice_host* host, uint32_t severity, sluice_str message);
  /* [any] to the pipeline's bounded event log, and logged. kind: a snake_case noun ("gap"); "fault"
   * with SLUICE_ERROR, from a call that answers no status: it failed, a fault is counted */
  void (*event)(const sluice_host* host, uint32_t severity, sluice_str kind, sluice_str message);
  /* [control][lane] the number of a schema ("kite.tick/1"); the same in the whole pipeline */
  uint16_t (*schema)(const sluice_host* host, sluice_str name);
  /* [control][lane] the secret as it is now, or SLUICE_FAILED and why there is none, in `out` */
  sluice_status (*secret)(const sluice_host* host, uint64_t handle, sluice_text* out);
  /* [any] a host extension by id, null if unknown; valid as long as the host */
  const void* (*extension)(const sluice_host* host, sluice_str id);

  /* [lane] one on_timer at or after `when`; replaces the last request; SLUICE_NEVER: none */
  void (*wake_at)(const sluice_host* host, int64_t when_ns);
  /* [lane] source: hand over records, counted as created. The host sets index and seq and copies
   * what it keeps. Returns when all transforms of the lane have seen them. */
  sluice_status (*push)(const sluice_host* host, sluice_record* records, uint64_t count);
  /* [lane] source: `count` things were received but could not become records */
  sluice_status (*discard)(const sluice_host* host, uint32_t reason, uint64_t count);

  /* [lane] transform: a record of its own; the host copies it. `position`: it leaves before the
   * batch's record of that number (numbers never decrease within one call), or SLUICE_AT_END. About
   * a key the stage was given, it carries the seq of the record it was made from; other keys are
   * numbered by the host. SLUICE_FULL: over 65,536 records or 16 MiB in this call, or max_keys. */
  sluice_status (*emit)(const sluice_host* host, const sluice_record* record, uint32_t position);
  /* [lane] transform, in process: the host copies record `i` of the batch into the stage's store
   * and answers SLUICE_HELD for it. SLUICE_FULL: the store is full, answer otherwise.
   * SLUICE_INVALID: it was answered already. */
  sluice_status (*hold)(const sluice_host* host, uint32_t i, uint64_t* handle);
  /* [lane] a held record, or null; valid until it is released or dropped */
  const sluice_record* (*held)(const sluice_host* host, uint64_t handle);
  /* [lane] let a held record go on (position as for emit; weight may have been changed with
   * `weight` > 0), or drop it. SLUICE_INVALID: no such handle, it was answered already. */
  sluice_status (*release)(const sluice_host* host, uint64_t handle, uint32_t position,
                           float weight);
  sluice_status (*drop_held)(const sluice_host* host, uint64_t handle, uint32_t reason);

  /* [lane] sink: how records answered SLUICE_PENDING ended */
  sluice_status (*report)(const sluice_host* host, const sluice_outcome* outcome);
};

/* --- what a plugin offers the host ------------------------------------------------------------ */

/* Constant data: the host reads it without running plugin code. Functions that a stage does not
 * need are null. */
typedef struct sluice_plugin {
  uint32_t magic;
  uint16_t abi_major, abi_minor; /* of the headers it was built with */
  uint32_t size;
  uint32_t kind;         /* SLUICE_SOURCE ... */
  uint32_t capabilities; /* SLUICE_CAN_* */
  uint32_t field_count, field_size, emit_count;
  sluice_str name, version, summary;
  const sluice_field* fields;
  const sluice_str* emits; /* schemas this stage may create */

  /* [any] rules across keys: lines of "key: what and what is allowed" into `errors`; may be null */
  sluice_status (*validate)(const sluice_value* values, uint32_t count, sluice_text* errors);
  /* [control] a new stage (owned by the plugin, given back to destroy), or null and `error` */
  void* (*create)(const sluice_host* host, const sluice_value* values, uint32_t count,
                  sluice_text* error);
  /* [control] */
  void (*destroy)(void* stage);
  /* [lane] first call; begins what takes time (connections). Why it failed: in `error` */
  sluice_status (*start)(void* stage, sluice_text* error);
  /* [lane] transform and sink */
  sluice_status (*process)(void* stage, sluice_batch* batch, sluice_text* error);
  /* [lane] sink: how many of `queued` records it takes now, the oldest `oldest_ns` old; 0: none */
  uint32_t (*ready)(void* stage, uint32_t queued, int64_t oldest_ns);
  /* [lane] the wake-up asked for with wake_at */
  sluice_status (*on_timer)(void* stage, int64_t now_ns, sluice_text* error);
  /* [lane] run the event loop once: handle what is there, else wait for `wait_ns` at most */
  sluice_status (*poll)(void* stage, int64_t wait_ns, sluice_text* error);
  /* [any] make a poll that waits, or the next one, return at once */
  void (*wake)(void* stage);
  /* [lane] no more input comes: emit or drop what is held (transform), stop receiving (source),
   * finish what is in flight (sink). SLUICE_AGAIN until done; not called after `deadline_ns`. */
  sluice_status (*drain)(void* stage, int64_t deadline_ns, sluice_text* error);
  /* [any] a plugin extension by id, null if unknown; constant data */
  const void* (*extension)(sluice_str id);
} sluice_plugin;
#define SLUICE_ENTRY_SYMBOL "sluice_plugin_entry"
#ifdef __cplusplus
}
#endif
#endif
