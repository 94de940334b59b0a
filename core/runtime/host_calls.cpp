// What a stage's plugin may ask of the host: the functions of sluice_host and the host's
// extensions.
#include "runtime/call_check.hpp"
#include "runtime/lane.hpp"
#include "runtime/sink_driver.hpp"
#include "runtime/stage.hpp"

#include <sluice/ext/attributes.h>
#include <sluice/ext/codec.h>
#include <sluice/ext/control.h>
#include <sluice/ext/downstream.h>
#include <sluice/ext/metrics.h>
#include <sluice/ext/resolver.h>
#include <sluice/ext/settlement.h>
#include <sluice/ext/signals.h>
#include <sluice/record.hpp>

#include <algorithm>
#include <cstring>
#include <exception>

namespace sluice::runtime {

struct host_calls {
  /// What one call may emit; abi.h says so.
  static constexpr std::uint32_t emit_limit = 65'536;
  static constexpr std::uint64_t emit_bytes_limit = 16u << 20;

  static stage& of(const sluice_host* host) { return plugin_object::of(host).owner(); }

  using place = call_place;
  static bool allowed(const sluice_host* host, const char* call, place where) {
    return call_allowed(host, call, where);
  }

  /// The contract was broken in a call: nothing is done, and it is told once in a call.
  static sluice_status invalid(const sluice_host* host, std::string_view what) {
    stage& by = of(host);
    if (by.invalid_in_call_) return SLUICE_INVALID;
    by.invalid_in_call_ = true;
    by.fault(what);
    return SLUICE_INVALID;
  }

  /// A test asked for this call to fail.
  static bool fails(stage& by) { return by.fail_in_ != 0 && --by.fail_in_ == 0; }

  static void put(sluice_text* out, std::string_view text) {
    out->size = std::min<std::uint64_t>(text.size(), out->capacity);
    std::memcpy(out->data, text.data(), out->size);
  }

  static std::int64_t now(const sluice_host* host) { return of(host).shared_.time.now(); }
  static std::int64_t unix_time(const sluice_host* host) {
    return of(host).shared_.time.unix_time();
  }
  static void log(const sluice_host* host, std::uint32_t severity, sluice_str message) {
    of(host).shared_.log(std::min<std::uint32_t>(severity, SLUICE_ERROR), of(host).name_,
                         view(message));
  }
  static void event(const sluice_host* host, std::uint32_t severity, sluice_str kind,
                    sluice_str message) {
    stage& by = of(host);
    // How a call without a status says that it threw.
    if (severity >= SLUICE_ERROR && view(kind) == "fault") {
      if (!is_within(host, place::in_lane_in_place)) return by.fault_elsewhere(view(message));
      if (!by.invalid_in_call_) by.fault(view(message));
      return;
    }
    by.shared_.tell(std::min<std::uint32_t>(severity, SLUICE_ERROR), by.name_, view(kind),
                    view(message));
  }
  static std::uint16_t schema(const sluice_host* host, sluice_str name) {
    if (!allowed(host, "schema", place::in_any_call)) return 0;
    return of(host).shared_.formats.number(view(name));
  }
  static sluice_status secret(const sluice_host* host, std::uint64_t handle, sluice_text* out) {
    if (!allowed(host, "secret", place::in_any_call))
      return put(out, "a secret is for calls of its stage"), SLUICE_INVALID;
    if (fails(of(host))) return put(out, "the secret is not to be had"), SLUICE_FAILED;
    const config::secret_reader* reader = plugin_object::of(host).settings().secret(handle);
    if (reader == nullptr) return put(out, "no such secret"), SLUICE_FAILED;
    try {
      const std::string text = of(host).shared_.secrets.read(*reader);
      if (text.size() > out->capacity) return put(out, "the secret is too long"), SLUICE_FAILED;
      return put(out, text), SLUICE_OK;
    } catch (const std::exception& exception) {
      return put(out, exception.what()), SLUICE_FAILED;
    }
  }

  static void wake_at(const sluice_host* host, std::int64_t when) {
    if (allowed(host, "wake_at", place::in_lane)) plugin_object::of(host).wake_time = when;
  }

  // --- sources ---------------------------------------------------------------------------------

  static sluice_status push(const sluice_host* host, sluice_record* records, std::uint64_t count) {
    stage& source = of(host);
    if (!allowed(host, "push", place::in_lane_in_place)) return SLUICE_INVALID;
    if (fails(source)) return SLUICE_FAILED;
    if (!source.is(SLUICE_SOURCE)) return invalid(host, "push is for sources");
    for (std::uint64_t i = 0; i < count; ++i)
      if (!source.shared_.formats.known(records[i].schema) || !sound(records[i]))
        return invalid(host,
                       "pushed a record without a known schema, a priority of 0 to 2 and a weight "
                       "of 1 or more");
    source.lane_->begin_batch();
    while (count > 0) {
      const auto size =
          static_cast<std::uint32_t>(std::min<std::uint64_t>(count, SLUICE_BATCH_MAX));
      source.count.created += size;
      source.pass_on(records, number(source, records, size));
      records += size;
      count -= size;
    }
    source.lane_->end_batch();
    return SLUICE_OK;
  }

  /// Index and seq of each; those beyond max_keys are dropped, the others move up.
  static std::uint32_t number(stage& source, sluice_record* records, std::uint32_t size) {
    key_table& keys = source.keys();
    std::uint32_t kept = 0;
    for (std::uint32_t i = 0; i < size; ++i) {
      const std::uint32_t index = keys.index_of(records[i].key);
      if (index == index_space::none) continue;
      if (kept != i) records[kept] = records[i];
      records[kept].index = index;
      records[kept++].seq = keys.next_seq(index);
    }
    if (kept < size) {
      if (source.count.dropped[SLUICE_DROP_OVERFLOW] == 0)
        source.shared_.tell(SLUICE_WARN, source.name_, "keys",
                            "more keys than pipeline.max_keys: records of the rest are dropped "
                            "as overflow");
      source.count.dropped[SLUICE_DROP_OVERFLOW] += size - kept;
    }
    return kept;
  }

  static sluice_status discard(const sluice_host* host, std::uint32_t reason, std::uint64_t count) {
    stage& source = of(host);
    if (!allowed(host, "discard", place::in_lane_in_place)) return SLUICE_INVALID;
    if (fails(source)) return SLUICE_FAILED;
    if (!source.is(SLUICE_SOURCE)) return invalid(host, "discard is for sources");
    if (reason == SLUICE_KEEP || reason >= SLUICE_DROP_REASONS)
      return invalid(host, "discarded for a reason that is none");
    source.count.created += count;
    source.count.dropped[reason] += count;
    return SLUICE_OK;
  }

  // --- transforms ------------------------------------------------------------------------------

  static bool in_order(const stage& by, std::uint32_t position) {
    return by.insertions_.empty() || by.insertions_.back().position <= position;
  }

  static void stage_insertion(stage& by, const sluice_record& record, std::uint32_t position,
                              std::uint64_t handle, bool numbered) {
    const std::size_t offset = by.staged_bytes_.size();
    by.staged_bytes_.insert(by.staged_bytes_.end(), record.data, record.data + record.size);
    by.insertions_.push_back({position, handle, numbered, offset, record});
  }

  static sluice_status emit(const sluice_host* host, const sluice_record* record,
                            std::uint32_t position) {
    stage& by = of(host);
    if (!allowed(host, "emit", place::in_lane_in_place)) return SLUICE_INVALID;
    if (fails(by)) return SLUICE_FAILED;
    if (!by.can(SLUICE_CAN_EMIT) || !by.is(SLUICE_TRANSFORM))
      return invalid(host, "emit is for transforms that declare SLUICE_CAN_EMIT");
    if (!by.shared_.formats.known(record->schema) || !sound(*record))
      return invalid(host,
                     "emitted a record without a known schema, a priority of 0 to 2 and a weight "
                     "of 1 or more");
    if (!in_order(by, position)) return invalid(host, "emit: positions decreased within one call");
    if (by.emitted_ == emit_limit || by.emitted_bytes_ + record->size > emit_bytes_limit)
      return SLUICE_FULL;
    sluice_record made = *record;
    // Of a key it was given, it carries the seq of the record it was made from; a second numbering
    // would look like a restart. Keys of its own are numbered here.
    const bool numbered = by.shared_.keys.is(made.index, made.key);
    if (!numbered) {  // when it leaves: a call that fails must not leave a gap
      made.index = by.keys().index_of(made.key);
      if (made.index == index_space::none) return SLUICE_FULL;
    }
    ++by.emitted_;
    by.emitted_bytes_ += made.size;
    stage_insertion(by, made, position, 0, numbered);
    return SLUICE_OK;
  }

  static sluice_status hold(const sluice_host* host, std::uint32_t i, std::uint64_t* handle) {
    stage& by = of(host);
    if (!allowed(host, "hold", place::in_lane_in_place)) return SLUICE_INVALID;
    if (fails(by)) return SLUICE_FAILED;
    if (!by.can(SLUICE_CAN_HOLD) || by.batch_ == nullptr || i >= by.batch_->count)
      return invalid(host, "hold is for transforms that declare SLUICE_CAN_HOLD, in process");
    if (by.answers_[i] != SLUICE_KEEP)
      return invalid(host, "hold: the record was answered already");
    if (!sound(by.batch_->records[i]))
      return invalid(host, "hold: a record has a priority of 0 to 2 and a weight of 1 or more");
    *handle = by.store_.add(by.batch_->records[i]);
    if (*handle == 0) return SLUICE_FULL;
    by.answers_[i] = SLUICE_HELD;
    by.held_bits_[i] = true;
    by.held_now_.push_back(*handle);
    return SLUICE_OK;
  }

  static const sluice_record* held(const sluice_host* host, std::uint64_t handle) {
    if (!allowed(host, "held", place::in_lane_in_place)) return nullptr;
    return of(host).store_.find(handle);
  }

  static sluice_status release(const sluice_host* host, std::uint64_t handle,
                               std::uint32_t position, float weight) {
    stage& by = of(host);
    if (!allowed(host, "release", place::in_lane_in_place)) return SLUICE_INVALID;
    if (fails(by)) return SLUICE_FAILED;
    const sluice_record* record = by.store_.find(handle);
    if (record == nullptr) return invalid(host, "release: no such record is held");
    if (!in_order(by, position))
      return invalid(host, "release: positions decreased within one call");
    // What is held stays as it was: a call on trial may be taken back.
    sluice_record released = *record;
    if (weight > 0) released.weight = weight;
    if (!sound(released)) return invalid(host, "release: a weight is 1 or more");
    stage_insertion(by, released, position, handle, true);
    by.let_go(handle);
    return SLUICE_OK;
  }

  static sluice_status drop_held(const sluice_host* host, std::uint64_t handle,
                                 std::uint32_t reason) {
    stage& by = of(host);
    if (!allowed(host, "drop_held", place::in_lane_in_place)) return SLUICE_INVALID;
    if (fails(by)) return SLUICE_FAILED;
    if (reason == SLUICE_KEEP || reason >= SLUICE_DROP_REASONS)
      return invalid(host, "dropped a held record for a reason that is none");
    by.staged_drops_.push_back({handle, reason});
    if (by.let_go(handle)) return SLUICE_OK;
    by.staged_drops_.pop_back();
    return invalid(host, "drop: no such record is held");
  }

  // --- sinks -----------------------------------------------------------------------------------

  static sluice_status report(const sluice_host* host, const sluice_outcome* outcome) {
    stage& by = of(host);
    // A sink that is not in its place yet has no calls, but connects.
    if (outcome->call == 0 && is_within(host, place::in_lane) &&
        !is_within(host, place::in_lane_in_place))
      return SLUICE_OK;
    if (!allowed(host, "report", place::in_lane_in_place)) return SLUICE_INVALID;
    if (fails(by)) return SLUICE_FAILED;
    if (by.driver == nullptr) return invalid(host, "report is for sinks");
    const sluice_status status = by.driver->report(*outcome);
    return status == SLUICE_INVALID
               ? invalid(host, "reported an outcome that is not of a call under way")
               : status;
  }

  // --- extensions ------------------------------------------------------------------------------

  static sluice_status publish_attributes(const sluice_host* host, const sluice_str* names,
                                          std::uint32_t name_count, const sluice_key_row* rows,
                                          std::uint64_t row_count) {
    stage& by = of(host);
    if (!allowed(host, "attributes.publish", place::in_any_call)) return SLUICE_INVALID;
    if (!by.is(SLUICE_SOURCE)) return invalid(host, "attributes are a source's to publish");
    plugin_object& object = plugin_object::of(host);
    attribute_rows given;
    for (std::uint32_t i = 0; i < name_count; ++i) given.names.emplace_back(view(names[i]));
    for (std::uint64_t i = 0; i < row_count; ++i) {
      std::vector<std::string>& values = given.rows.emplace_back(rows[i].key, name_count).second;
      for (std::uint32_t name = 0; name < name_count; ++name)
        values[name] = view(rows[i].values[name]);
    }
    // The keys are in the hands of the lane, and of the source that is in it.
    if (by.object_ && by.object_.get() != &object)
      return object.later = std::move(given), SLUICE_OK;
    return by.publish(given) ? SLUICE_OK : SLUICE_FULL;
  }
  static std::uint64_t attribute_generation(const sluice_host* host) {
    if (!allowed(host, "attributes.generation", place::in_lane_in_place)) return 0;
    return of(host).lane_->attributes().generation;
  }
  static sluice_str attribute(const sluice_host* host, std::uint32_t index, sluice_str name) {
    if (!allowed(host, "attributes.get", place::in_lane_in_place)) return {};
    return borrow(of(host).lane_->attributes().get(index, view(name)));
  }

  static const sluice_codec* find_codec(const sluice_host* host, std::uint16_t schema) {
    return of(host).shared_.formats.codec(schema);
  }
  static sluice_str schema_name(const sluice_host* host, std::uint16_t schema) {
    return borrow(of(host).shared_.formats.name(schema));
  }

  static std::uint32_t add_metric(const sluice_host* host, std::uint32_t kind, sluice_str name,
                                  sluice_str doc) {
    if (!allowed(host, "metrics.add", place::in_create)) return UINT32_MAX;
    return plugin_object::of(host).add_metric(kind, view(name), view(doc));
  }
  static void set_metric(const sluice_host* host, std::uint32_t metric, double value) {
    if (!allowed(host, "metrics.set", place::in_lane)) return;
    plugin_object::of(host).set_metric(metric, value);
  }

  static sluice_status set_signal(const sluice_host* host, sluice_str name, std::uint32_t level,
                                  sluice_str cause) {
    if (!allowed(host, "signals.set", place::in_lane)) return SLUICE_INVALID;
    if (level > SLUICE_OVERLOAD) return invalid(host, "a signal's level is 0 to 3");
    return plugin_object::of(host).set_signal(view(name), level, view(cause));
  }

  static sluice_status read_downstream(const sluice_host* host, sluice_waiting* out) {
    if (!allowed(host, "downstream.read", place::in_lane_in_place)) return SLUICE_INVALID;
    const stage& by = of(host);
    if (!by.is(SLUICE_TRANSFORM)) return invalid(host, "downstream.read is for transforms");
    sluice_waiting worst{sizeof worst, 0, 0, 0, UINT64_MAX, UINT64_MAX};
    if (!by.look_ahead(worst)) return SLUICE_FAILED;
    worst.size = std::min<std::uint32_t>(out->size, sizeof worst);
    std::memcpy(out, &worst, worst.size);
    return SLUICE_OK;
  }

  static sluice_status read_settled(const sluice_host* host, sluice_settled* out) {
    if (!allowed(host, "settlement.read", place::in_lane_in_place)) return SLUICE_INVALID;
    const stage& by = of(host);
    if (!by.is(SLUICE_SOURCE)) return invalid(host, "settlement.read is for sources");
    sluice_settled seen{};
    if (!by.lane_->settled_from_here(seen)) return SLUICE_AGAIN;
    seen.size = std::min<std::uint32_t>(out->size, sizeof seen);
    std::memcpy(out, &seen, seen.size);
    return SLUICE_OK;
  }

  static std::uint64_t resolve(const sluice_host* host, sluice_str name) {
    if (!allowed(host, "resolver.begin", place::in_lane)) return 0;
    stage& by = of(host);
    return by.shared_.resolver.begin(view(name), &plugin_object::of(host), [&by] { by.wake(); });
  }
  static sluice_status resolved(const sluice_host* host, std::uint64_t ticket, sluice_text* out) {
    if (!allowed(host, "resolver.result", place::in_lane)) return SLUICE_INVALID;
    std::string text;
    switch (of(host).shared_.resolver.result(ticket, text)) {
      case resolver::outcome::pending: return SLUICE_AGAIN;
      case resolver::outcome::found: return put(out, text), SLUICE_OK;
      case resolver::outcome::failed: break;
    }
    return put(out, text), SLUICE_FAILED;
  }

  static sluice_status read_document(const sluice_host* host, sluice_str what, std::uint64_t after,
                                     void (*take)(void* context, sluice_str document),
                                     void* context) {
    if (!allowed(host, "control.read", place::in_lane)) return SLUICE_INVALID;
    stage& by = of(host);
    if (fails(by)) return SLUICE_FAILED;
    if (!by.shared_.document) return SLUICE_INVALID;
    try {
      const auto found = by.shared_.document(view(what), after);
      if (!found) return SLUICE_INVALID;
      take(context, borrow(*found));
      return SLUICE_OK;
    } catch (const std::invalid_argument& mistake) {
      take(context, borrow(std::string_view{mistake.what()}));
      return SLUICE_INVALID;
    } catch (const std::exception& exception) {
      by.shared_.log(SLUICE_ERROR, by.name_, exception.what());
      return SLUICE_FAILED;
    }
  }

  static sluice_status take_command(const sluice_host* host, sluice_str request,
                                    std::uint64_t* operation, sluice_text* error) {
    if (!allowed(host, "control.command", place::in_lane))
      return put(error, "a command is for its stage's lane"), SLUICE_INVALID;
    stage& by = of(host);
    if (fails(by)) return put(error, "the command failed, as a test asked for"), SLUICE_FAILED;
    if (!by.shared_.command) return put(error, "nothing takes commands here"), SLUICE_INVALID;
    try {
      *operation = by.shared_.command(view(request), by.name_);
      return SLUICE_OK;
    } catch (const std::exception& exception) {
      return put(error, exception.what()), SLUICE_INVALID;
    }
  }

  // --- without memory --------------------------------------------------------------------------

  /// As a plugin calls it: no exception passes through a plugin, which need not be C++. What had no
  /// memory for it has failed, and changed nothing; a line of a log is lost.
  template <auto Call, auto Failed>
  struct sheltered;
  template <typename Answer, typename... Given, Answer (*Call)(const sluice_host*, Given...),
            auto Failed>
  struct sheltered<Call, Failed> {
    static Answer call(const sluice_host* host, Given... given) noexcept {
      try {
        return Call(host, given...);
      } catch (const std::exception&) {
        return static_cast<Answer>(Failed);
      }
    }
  };
  /// The same of a call in which records are on their way: where they are is not known then, and
  /// the lane ends as soon as the plugin has returned.
  template <auto Call>
  struct in_lane;
  template <typename... Given, sluice_status (*Call)(const sluice_host*, Given...)>
  struct in_lane<Call> {
    static sluice_status call(const sluice_host* host, Given... given) noexcept {
      try {
        return Call(host, given...);
      } catch (const std::exception&) {
        of(host).lane_->failed = std::current_exception();
        return SLUICE_FAILED;
      }
    }
  };

  static const void* extension(const sluice_host* host, sluice_str id) {
    static constexpr sluice_attributes attributes_table{
        sizeof attributes_table, &sheltered<&publish_attributes, SLUICE_FAILED>::call,
        &sheltered<&attribute_generation, 0>::call, &sheltered<&attribute, sluice_str{}>::call};
    static constexpr sluice_codecs codecs_table{sizeof codecs_table, &find_codec, &schema_name};
    static constexpr sluice_metrics metrics_table{sizeof metrics_table,
                                                  &sheltered<&add_metric, UINT32_MAX>::call,
                                                  &sheltered<&set_metric, nullptr>::call};
    static constexpr sluice_signals signals_table{sizeof signals_table,
                                                  &sheltered<&set_signal, SLUICE_FAILED>::call};
    static constexpr sluice_downstream downstream_table{
        sizeof downstream_table, &sheltered<&read_downstream, SLUICE_FAILED>::call};
    static constexpr sluice_settlement settlement_table{
        sizeof settlement_table, &sheltered<&read_settled, SLUICE_FAILED>::call};
    static constexpr sluice_resolver resolver_table{sizeof resolver_table,
                                                    &sheltered<&resolve, 0>::call,
                                                    &sheltered<&resolved, SLUICE_FAILED>::call};
    static constexpr sluice_control control_table{sizeof control_table,
                                                  &sheltered<&read_document, SLUICE_FAILED>::call,
                                                  &sheltered<&take_command, SLUICE_FAILED>::call};
    if (view(id) == SLUICE_EXT_ATTRIBUTES) return &attributes_table;
    if (view(id) == SLUICE_EXT_CODECS) return &codecs_table;
    if (view(id) == SLUICE_EXT_METRICS) return &metrics_table;
    if (view(id) == SLUICE_EXT_SIGNALS) return &signals_table;
    if (view(id) == SLUICE_EXT_DOWNSTREAM) return &downstream_table;
    if (view(id) == SLUICE_EXT_SETTLEMENT && of(host).is(SLUICE_SOURCE)) return &settlement_table;
    if (view(id) == SLUICE_EXT_RESOLVER) return &resolver_table;
    if (view(id) == SLUICE_EXT_CONTROL && of(host).is(SLUICE_SERVICE)) return &control_table;
    return nullptr;
  }
};

void plugin_object::fill_host_table() {
  host_table& table = host_;
  table.object = this;
  table.size = sizeof(sluice_host);
  table.minor = SLUICE_ABI_MINOR;
  table.pipeline = borrow(owner_.shared_.pipeline);
  table.stage = borrow(owner_.name_);
  table.now = &host_calls::now;
  table.unix_time = &host_calls::unix_time;
  table.log = &host_calls::sheltered<&host_calls::log, nullptr>::call;
  table.event = &host_calls::sheltered<&host_calls::event, nullptr>::call;
  table.schema = &host_calls::sheltered<&host_calls::schema, 0>::call;
  table.secret = &host_calls::sheltered<&host_calls::secret, SLUICE_FAILED>::call;
  table.extension = &host_calls::extension;
  table.wake_at = &host_calls::sheltered<&host_calls::wake_at, nullptr>::call;
  table.push = &host_calls::in_lane<&host_calls::push>::call;
  table.discard = &host_calls::sheltered<&host_calls::discard, SLUICE_FAILED>::call;
  table.emit = &host_calls::sheltered<&host_calls::emit, SLUICE_FAILED>::call;
  table.hold = &host_calls::sheltered<&host_calls::hold, SLUICE_FAILED>::call;
  table.held = &host_calls::sheltered<&host_calls::held, nullptr>::call;
  table.release = &host_calls::sheltered<&host_calls::release, SLUICE_FAILED>::call;
  table.drop_held = &host_calls::sheltered<&host_calls::drop_held, SLUICE_FAILED>::call;
  table.report = &host_calls::in_lane<&host_calls::report>::call;
}

}  // namespace sluice::runtime
