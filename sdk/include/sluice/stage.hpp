// sluice/stage.hpp - all that a stage's author includes.
//
// A stage is a plain class. It has a `config` struct, `fields` (config.hpp), an `about`, a
// constructor (const config&, sluice::host), and of the calls below those it needs:
//
//   void process(sluice::batch&)                  transform, sink; unanswered records are kept
//   void start()                                  first call in the lane; throw to refuse
//   void on_timer(sluice::time_point)             the wake-up asked for with host.wake_at
//   bool drain(sluice::time_point deadline)       no more input; true when nothing is left to do
//   std::uint32_t ready(std::uint32_t queued, sluice::duration oldest)    sink: how many now?
//   void poll(sluice::duration wait), void wake() event loop (SLUICE_CAN_IO); wake on any thread
//   static void validate(const config&, sluice::problems&)               rules across keys
//   static constexpr std::array codecs{&codec...}                        schemas it explains
//   static constexpr std::array<std::string_view, N> emits{...}          schemas it may create
//   permit, result, closed, force                                        a guard; ext/guard.h
//
// and, to be changed while its pipeline runs (ext/swap.h says when and where they are called):
//
//   void reconfigure(const config&)               new values of its live() rows; required with such
//   void self_test()                              throws if it is not fit to run
//   static constexpr std::string_view state_schema{"name/1"}   of what save writes
//   void save(sluice::state_writer&)              its state, for what takes its place
//   void load(sluice::state_reader&)              on a new stage; throw to refuse it
//   static constexpr std::array<std::string_view, N> older_states{...}   load knows too
//
// All but wake, closed, load, self_test and the static ones run in the stage's lane, one at a time.
// Exceptions are caught at the boundary: the batch's answers are void and it is dropped as `fault`.
#pragma once

#include <sluice/abi.h>
#include <sluice/ext/attributes.h>
#include <sluice/ext/codec.h>
#include <sluice/ext/control.h>
#include <sluice/ext/downstream.h>
#include <sluice/ext/guard.h>
#include <sluice/ext/signals.h>
#include <sluice/ext/swap.h>
#include <sluice/config.hpp>
#include <sluice/record.hpp>
#include <sluice/state.hpp>

#include <cmath>
#include <concepts>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

namespace sluice {

/// What a stage is; `static constexpr sluice::description about{...}` of a stage's class.
struct description {
  std::string_view name;
  std::string_view version;
  std::string_view summary;
  std::uint32_t kind = SLUICE_TRANSFORM;
  std::uint32_t capabilities = 0;
};

/// What the host offers a stage. A small handle, copied freely; valid as long as the stage.
/// Calls are for the stage's lane unless they say "any thread".
class host {
 public:
  explicit host(const sluice_host* raw) : raw_{raw} {}

  std::string_view pipeline() const { return view(raw_->pipeline); }
  std::string_view stage() const { return view(raw_->stage); }
  const sluice_host* raw() const { return raw_; }

  /// Any thread. In process() use batch::now, which is free.
  time_point now() const { return time_point{duration{raw_->now(raw_)}}; }
  /// Any thread. Nanoseconds since 1970, UTC.
  duration unix_time() const { return duration{raw_->unix_time(raw_)}; }

  /// Any thread. Never a secret.
  void debug(std::string_view message) const { raw_->log(raw_, SLUICE_DEBUG, borrow(message)); }
  void info(std::string_view message) const { raw_->log(raw_, SLUICE_INFO, borrow(message)); }
  void warn(std::string_view message) const { raw_->log(raw_, SLUICE_WARN, borrow(message)); }
  void error(std::string_view message) const { raw_->log(raw_, SLUICE_ERROR, borrow(message)); }
  /// Any thread. An event for people: kind is a snake_case noun ("gap", "reconnect").
  void event(std::string_view kind, std::string_view message) const {
    raw_->event(raw_, SLUICE_INFO, borrow(kind), borrow(message));
  }
  /// Any thread. An event that somebody on call should look at.
  void alert(std::string_view kind, std::string_view message) const {
    raw_->event(raw_, SLUICE_WARN, borrow(kind), borrow(message));
  }

  /// This stage's word on how hard-pressed the pipeline is; level::healthy takes it back.
  void signal(std::string_view name, level at, std::string_view cause) const {
    if (const auto* signals = extension<sluice_signals>(SLUICE_EXT_SIGNALS))
      signals->set(raw_, borrow(name), static_cast<std::uint32_t>(at), borrow(cause));
  }

  /// Transforms: what waits behind the stage at this moment; none if no queue does.
  std::optional<sluice_waiting> downstream() const {
    const auto* ahead = extension<sluice_downstream>(SLUICE_EXT_DOWNSTREAM);
    sluice_waiting seen{};
    seen.size = sizeof seen;
    if (ahead == nullptr || ahead->read(raw_, &seen) != SLUICE_OK) return std::nullopt;
    return seen;
  }

  /// Services: a document of the whole pipeline (ext/control.h); none if this host has it not.
  /// Throws std::invalid_argument with what is wrong with a question.
  std::optional<std::string> document(std::string_view what, std::uint64_t after = 0) const {
    const auto* control = extension<sluice_control>(SLUICE_EXT_CONTROL);
    if (control == nullptr) return std::nullopt;
    std::string text;
    const auto take = [](void* into, sluice_str document) noexcept {
      static_cast<std::string*>(into)->assign(view(document));
    };
    const sluice_status status = control->read(raw_, borrow(what), after, take, &text);
    if (status == SLUICE_INVALID && !text.empty()) throw std::invalid_argument{text};
    if (status != SLUICE_OK) return std::nullopt;
    return text;
  }

  /// Services: tells the pipeline to do something (ext/control.h); the operation's number. Throws
  /// std::runtime_error with what is allowed.
  std::uint64_t command(std::string_view request) const {
    const auto* control = extension<sluice_control>(SLUICE_EXT_CONTROL);
    if (control == nullptr || control->size < sizeof *control)
      throw std::runtime_error{"this host takes no commands"};
    char buffer[1024];
    sluice_text error{buffer, sizeof buffer, 0};
    std::uint64_t operation = 0;
    if (control->command(raw_, borrow(request), &operation, &error) != SLUICE_OK)
      throw std::runtime_error{std::string{buffer, error.size}};
    return operation;
  }

  std::uint16_t schema(std::string_view name) const { return raw_->schema(raw_, borrow(name)); }

  /// A field of a record, as its schema's codec reads it (ext/codec.h): of kind SLUICE_ABSENT if
  /// the record has none of that name, or nobody explains its schema. None: the payload is
  /// malformed.
  std::optional<sluice_scalar> field(const record& of, std::string_view name) const {
    sluice_scalar value{};
    if (codecs_ == nullptr) codecs_ = extension<sluice_codecs>(SLUICE_EXT_CODECS);
    const sluice_codec* codec = codecs_ == nullptr ? nullptr : codecs_->find(raw_, of.schema);
    if (codec != nullptr && codec->read_field(&of, borrow(name), &value) != SLUICE_OK)
      return std::nullopt;
    return value;
  }
  /// A field that is a finite number; none if it is anything else.
  std::optional<double> number(const record& of, std::string_view name) const {
    const auto value = field(of, name);
    if (!value || (value->kind != SLUICE_IS_NUMBER && value->kind != SLUICE_IS_INTEGER))
      return std::nullopt;
    return std::isfinite(value->number) ? std::optional{value->number} : std::nullopt;
  }
  /// What a source says of the record's key (ext/attributes.h), empty if nothing; valid until the
  /// call of the stage returns. It is looked up by name: keep what it means, by
  /// sluice_record.index, until attributes_generation() is another.
  std::string_view attribute(const record& of, std::string_view name) const {
    const sluice_attributes* table = attributes();
    return table == nullptr ? std::string_view{} : view(table->get(raw_, of.index, borrow(name)));
  }
  /// Grows whenever an attribute of any key may have changed.
  std::uint64_t attributes_generation() const {
    const sluice_attributes* table = attributes();
    return table == nullptr ? 0 : table->generation(raw_);
  }

  /// A secret as it is now. Throws std::runtime_error with the reason if there is none.
  std::string read(secret of) const {
    char buffer[4096];
    sluice_text out{buffer, sizeof buffer, 0};
    const sluice_status status = raw_->secret(raw_, of.handle, &out);
    std::string text{buffer, out.size};
    std::memset(buffer, 0, sizeof buffer);
    if (status != SLUICE_OK) throw std::runtime_error{text};
    return text;
  }
  /// A host extension, null if this host does not have it.
  template <typename Extension>
  const Extension* extension(std::string_view id) const {
    return static_cast<const Extension*>(raw_->extension(raw_, borrow(id)));
  }

  /// One on_timer at or after `when`; replaces the last request; `never` takes it back.
  void wake_at(time_point when) const { raw_->wake_at(raw_, when.time_since_epoch().count()); }

  /// Sources: hands records over. The host sets index and seq.
  void push(std::span<record> records) const {
    must(raw_->push(raw_, records.data(), records.size()), "push");
  }
  /// Sources: `count` things were received that could not become records.
  void discard(reason why, std::uint64_t count) const {
    must(raw_->discard(raw_, static_cast<std::uint32_t>(why), count), "discard");
  }
  /// Transforms: a record of the stage's own. Leaves before the batch's record `position`. At most
  /// 65,536 records and 16 MiB in one call; throws std::logic_error beyond that.
  void emit(const record& made, std::uint32_t position = SLUICE_AT_END) const {
    must(raw_->emit(raw_, &made, position), "emit");
  }
  /// A held record, null if the handle is no longer held.
  const record* held(held_record which) const { return raw_->held(raw_, which.handle); }
  /// Lets a held record go on, with a new weight if one is given.
  void release(held_record which, std::uint32_t position = SLUICE_AT_END, float weight = 0) const {
    must(raw_->release(raw_, which.handle, position, weight), "release");
  }
  void drop(held_record which, reason why) const {
    must(raw_->drop_held(raw_, which.handle, static_cast<std::uint32_t>(why)), "drop");
  }
  /// Sinks: how pending records ended.
  void report(sluice_outcome outcome) const {
    outcome.size = sizeof outcome;
    must(raw_->report(raw_, &outcome), "report");
  }

 private:
  static void must(sluice_status status, const char* call) {
    if (status == SLUICE_OK) return;
    throw std::logic_error{std::string{"the host refused "} + call +
                           (status == SLUICE_INVALID ? ": not allowed here" : "")};
  }
  const sluice_attributes* attributes() const {
    if (attributes_ == nullptr) attributes_ = extension<sluice_attributes>(SLUICE_EXT_ATTRIBUTES);
    return attributes_;
  }
  const sluice_host* raw_;
  // Asked for once, in the lane.
  mutable const sluice_codecs* codecs_ = nullptr;
  mutable const sluice_attributes* attributes_ = nullptr;
};

/// What every stage has. The error of a class that is not a stage names what is missing.
template <typename T>
concept stage = requires {
  typename T::config;
  { T::fields.size() } -> std::convertible_to<std::size_t>;
  requires std::same_as<std::remove_cvref_t<decltype(T::about)>, description>;
}
&&std::constructible_from<T, const typename T::config&, host>;

namespace detail {

inline void put(sluice_text* out, std::string_view text) {
  if (out == nullptr) return;
  out->size = text.size() < out->capacity ? text.size() : out->capacity;
  std::memcpy(out->data, text.data(), out->size);
}

/// The barrier: no exception leaves a plugin.
template <typename Call>
sluice_status guarded(sluice_text* error, sluice_status thrown, Call&& call) noexcept {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    put(error, "out of memory");
  } catch (const std::exception& exception) {
    put(error, exception.what());
  } catch (...) {
    put(error, "threw something that is not a std::exception");
  }
  return thrown;
}

/// The C table of one stage class.
template <stage Stage>
struct glue {
  static constexpr bool has_save = requires { &Stage::save; };
  static constexpr bool has_load = requires { &Stage::load; };
  static constexpr bool has_schema = requires { Stage::state_schema; };
  static_assert(has_schema || !(has_save || has_load),
                "a stage with save or load has a state_schema: the name of what it writes");

  /// The host's table is kept beside the stage: batches need it.
  struct instance {
    const sluice_host* host;
    Stage stage;
    instance(const sluice_host* given, const typename Stage::config& config)
        : host{given}, stage{config, sluice::host{given}} {}
  };
  static Stage& of(void* self) { return static_cast<instance*>(self)->stage; }

  static constexpr std::size_t field_count = Stage::fields.size();
  static constexpr auto raw_fields = [] {
    std::array<sluice_field, field_count == 0 ? 1 : field_count> raw{};
    for (std::size_t i = 0; i < field_count; ++i) raw[i] = Stage::fields[i].raw;
    return raw;
  }();

  static typename Stage::config fill(const sluice_value* values, std::uint32_t count) {
    typename Stage::config config{};
    for (std::uint32_t i = 0; i < count && i < field_count; ++i)
      Stage::fields[i].assign(&config, values[i]);
    return config;
  }

  /// The barrier of calls that cannot answer with a status: `otherwise`, and the host counts a
  /// fault for the event.
  template <typename Call>
  static std::uint32_t sheltered(void* self, std::uint32_t otherwise, Call&& call) noexcept {
    char buffer[256];
    sluice_text error{buffer, sizeof buffer, 0};
    std::uint32_t answer = otherwise;
    const sluice_status status =
        guarded(&error, SLUICE_FAULT, [&] { return answer = call(), SLUICE_OK; });
    if (status == SLUICE_OK) return answer;
    const sluice_host* host = static_cast<instance*>(self)->host;
    host->event(host, SLUICE_ERROR, borrow("fault"), sluice_str{buffer, error.size});
    return otherwise;
  }

  static void* create(const sluice_host* host, const sluice_value* values, std::uint32_t count,
                      sluice_text* error) {
    instance* made = nullptr;
    guarded(error, SLUICE_FAULT, [&] {
      made = new instance{host, fill(values, count)};
      return SLUICE_OK;
    });
    return made;
  }
  static void destroy(void* self) { delete static_cast<instance*>(self); }

  static sluice_status validate(const sluice_value* values, std::uint32_t count,
                                sluice_text* errors) {
    return guarded(errors, SLUICE_FAULT, [&]() -> sluice_status {
      problems found{*errors};
      Stage::validate(fill(values, count), found);
      return found.any() ? SLUICE_FAILED : SLUICE_OK;
    });
  }
  static sluice_status start(void* self, sluice_text* error) {
    return guarded(error, SLUICE_FAILED, [&] { return of(self).start(), SLUICE_OK; });
  }
  static sluice_status process(void* self, sluice_batch* raw, sluice_text* error) {
    return guarded(error, SLUICE_FAULT, [&] {
      batch records{*raw, *static_cast<instance*>(self)->host};
      return of(self).process(records), SLUICE_OK;
    });
  }
  static std::uint32_t ready(void* self, std::uint32_t queued, std::int64_t oldest) {
    return sheltered(self, 0, [&] { return of(self).ready(queued, duration{oldest}); });
  }
  static sluice_status on_timer(void* self, std::int64_t now, sluice_text* error) {
    return guarded(error, SLUICE_FAULT,
                   [&] { return of(self).on_timer(time_point{duration{now}}), SLUICE_OK; });
  }
  static sluice_status poll(void* self, std::int64_t wait, sluice_text* error) {
    return guarded(error, SLUICE_FAULT, [&] { return of(self).poll(duration{wait}), SLUICE_OK; });
  }
  static void wake(void* self) {
    sheltered(self, 0, [&] { return of(self).wake(), 0u; });
  }
  static sluice_status drain(void* self, std::int64_t deadline, sluice_text* error) {
    return guarded(error, SLUICE_FAULT, [&]() -> sluice_status {
      return of(self).drain(time_point{duration{deadline}}) ? SLUICE_OK : SLUICE_AGAIN;
    });
  }

  static std::uint32_t permit(void* self, std::int64_t now, std::uint64_t* permit) {
    return sheltered(self, SLUICE_GUARD_ALLOW,
                     [&] { return of(self).permit(time_point{duration{now}}, *permit); });
  }
  static void result(void* self, const sluice_call_result* result) {
    sheltered(self, 0, [&] { return of(self).result(*result), 0u; });
  }
  static std::uint32_t closed(void* self) {
    return sheltered(self, 0, [&] { return of(self).closed() ? 1u : 0u; });
  }
  static sluice_status force(void* self, std::uint32_t state) {
    return sheltered(self, SLUICE_FAULT, [&]() -> std::uint32_t {
      if constexpr (requires { &Stage::force; })
        return of(self).force(state) ? SLUICE_OK : SLUICE_INVALID;
      else
        return SLUICE_INVALID;
    });
  }

  static sluice_status reconfigure(void* self, const sluice_value* values, std::uint32_t count,
                                   sluice_text* error) {
    return guarded(error, SLUICE_FAILED,
                   [&] { return of(self).reconfigure(fill(values, count)), SLUICE_OK; });
  }
  static sluice_status self_test(void* self, sluice_text* error) {
    return guarded(error, SLUICE_FAILED, [&] { return of(self).self_test(), SLUICE_OK; });
  }
  static sluice_status export_state(void* self,
                                    void (*write)(void*, const std::uint8_t*, std::uint64_t),
                                    void* context, sluice_text* error) {
    return guarded(error, SLUICE_FAILED, [&] {
      state_writer out;
      of(self).save(out);
      write(context, out.bytes().data(), out.bytes().size());
      return SLUICE_OK;
    });
  }
  static sluice_status import_state(void* self, sluice_str schema, const std::uint8_t* data,
                                    std::uint64_t size, sluice_text* error) {
    return guarded(error, SLUICE_FAILED, [&] {
      state_reader in{view(schema), {data, size}};
      return of(self).load(in), SLUICE_OK;
    });
  }

  /// Its own schema first.
  static constexpr auto raw_reads = [] {
    if constexpr (requires { Stage::older_states; }) {
      std::array<sluice_str, Stage::older_states.size() + 1> raw{borrow(Stage::state_schema)};
      for (std::size_t i = 0; i < Stage::older_states.size(); ++i)
        raw[i + 1] = borrow(Stage::older_states[i]);
      return raw;
    } else if constexpr (requires { Stage::state_schema; }) {
      return std::array<sluice_str, 1>{borrow(Stage::state_schema)};
    } else {
      return std::array<sluice_str, 1>{};
    }
  }();
  static constexpr sluice_swap swap_table() {
    sluice_swap made{};
    made.size = sizeof made;
    if constexpr (requires { &Stage::self_test; }) made.self_test = &self_test;
    if constexpr (requires { &Stage::reconfigure; }) made.reconfigure = &reconfigure;
    if constexpr (requires { Stage::state_schema; }) {
      made.writes = borrow(Stage::state_schema);
      made.reads = raw_reads.data();
      made.reads_count = raw_reads.size();
      made.export_state = &export_state;
      made.import_state = &import_state;
    }
    return made;
  }

  static const void* extension(sluice_str id) {
    if constexpr (
        requires { Stage::state_schema; } || requires { &Stage::self_test; } ||
        requires { &Stage::reconfigure; }) {
      static constexpr sluice_swap table = swap_table();
      if (view(id) == SLUICE_EXT_SWAP) return &table;
    }
    if constexpr (requires { Stage::codecs; }) {
      static constexpr sluice_codec_list list{sizeof(sluice_codec_list), Stage::codecs.size(),
                                              Stage::codecs.data()};
      if (view(id) == SLUICE_EXT_CODEC) return &list;
    }
    if constexpr (requires { &Stage::permit; }) {
      static constexpr sluice_guard table{sizeof(sluice_guard), &permit, &result, &closed, &force};
      if (view(id) == SLUICE_EXT_GUARD) return &table;
    }
    return nullptr;
  }

  static constexpr auto raw_emits = [] {
    if constexpr (requires { Stage::emits; }) {
      std::array<sluice_str, Stage::emits.size()> raw{};
      for (std::size_t i = 0; i < raw.size(); ++i) raw[i] = borrow(Stage::emits[i]);
      return raw;
    } else {
      return std::array<sluice_str, 1>{};
    }
  }();

  /// The descriptor: constant data.
  static constexpr sluice_plugin descriptor() {
    sluice_plugin made{};
    made.magic = SLUICE_ABI_MAGIC;
    made.abi_major = SLUICE_ABI_MAJOR;
    made.abi_minor = SLUICE_ABI_MINOR;
    made.size = sizeof made;
    made.kind = Stage::about.kind;
    made.capabilities = Stage::about.capabilities;
    made.field_count = field_count;
    made.field_size = sizeof(sluice_field);
    made.name = borrow(Stage::about.name);
    made.version = borrow(Stage::about.version);
    made.summary = borrow(Stage::about.summary);
    made.fields = raw_fields.data();
    if constexpr (requires { Stage::emits; }) made.emit_count = Stage::emits.size();
    made.emits = raw_emits.data();
    made.create = &create;
    made.destroy = &destroy;
    made.extension = &extension;
    if constexpr (requires { &Stage::validate; }) made.validate = &validate;
    if constexpr (requires { &Stage::start; }) made.start = &start;
    if constexpr (requires { &Stage::process; }) made.process = &process;
    if constexpr (requires { &Stage::ready; }) made.ready = &ready;
    if constexpr (requires { &Stage::on_timer; }) made.on_timer = &on_timer;
    if constexpr (requires { &Stage::poll; }) made.poll = &poll;
    if constexpr (requires { &Stage::wake; }) made.wake = &wake;
    if constexpr (requires { &Stage::drain; }) made.drain = &drain;
    return made;
  }
};

}  // namespace detail

/// The descriptor of a stage class, for tests; a plugin file says SLUICE_PLUGIN(its_class).
template <stage Stage>
inline constexpr sluice_plugin plugin_of = detail::glue<Stage>::descriptor();

}  // namespace sluice

/// Once in a plugin, at global scope and with a semicolon behind: exports its one symbol.
#define SLUICE_PLUGIN(Stage)                                                                 \
  extern "C" __attribute__((visibility("default"))) const sluice_plugin sluice_plugin_entry; \
  constinit const sluice_plugin sluice_plugin_entry = ::sluice::plugin_of<Stage>
