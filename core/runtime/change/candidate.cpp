#include "runtime/change/candidate.hpp"

#include "plugin/within_limit.hpp"
#include "runtime/call_scope.hpp"
#include "runtime/lane.hpp"
#include "runtime/stage.hpp"

#include <sluice/record.hpp>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

namespace sluice::runtime {

namespace {

constexpr std::int64_t second_ns = 1'000'000'000;
// What ext/swap.h asks for.
constexpr std::int64_t import_limit = second_ns;
constexpr std::int64_t connect_limit = 5 * second_ns;
// Long enough for a sink to give up waiting for a fuller batch.
constexpr std::int64_t long_waited = 3600 * second_ns;

std::int64_t call_limit() { return plugin::call_limit.count(); }

}  // namespace

candidate::candidate(stage& of, const config::stage_spec& spec, const change_host& by) : by_{by} {
  with_.spec = spec;
  with_.next = std::make_unique<plugin_object>(of, spec);
  title_ = with_.next->title();
}

candidate::~candidate() {
  if (with_.next == nullptr) return;
  try {
    by_.guarded(title_ + ": destroy", call_limit(),
                [object = with_.next.get()] { object->destroy(); });
  } catch (const std::exception&) {
    // It hangs in it, and keeps what it hangs in.
    static_cast<void>(with_.next.release());
  }
}

/// One call off the data path. What a call that hangs uses is never freed.
void candidate::call(const char* step, std::int64_t limit_ns, function what) {
  const std::string name = title_ + ": " + step;
  try {
    by_.guarded(name, limit_ns, [what = std::move(what), name] {
      std::array<char, 1024> text{};
      sluice_text error{text.data(), text.size(), 0};
      if (what(&error) == SLUICE_OK) return;
      const std::string_view why{text.data(), std::min<std::size_t>(error.size, text.size())};
      throw std::runtime_error{name + ": " +
                               std::string{why.empty() ? "refused without a word" : why}};
    });
  } catch (const plugin::hung&) {
    static_cast<void>(with_.next.release());
    throw;
  }
}

void candidate::create() {
  plugin_object* const object = with_.next.get();
  call("create", call_limit(), [object](sluice_text*) { return object->create(), SLUICE_OK; });
  call("self_test", call_limit(),
       [object](sluice_text*) { return object->self_test(), SLUICE_OK; });
}

void candidate::connect() {
  plugin_object* const object = with_.next.get();
  const sluice_plugin& made = object->plugin();
  const lane& where = object->owner().where();
  if (made.start != nullptr)
    call("start", call_limit(), [object, &made](sluice_text* error) {
      const call_scope here{*object, call_scope::tag::lane};
      return made.start(object->self(), error);
    });
  with_.started = true;
  if (made.ready == nullptr) return;
  const auto ready = [&] {
    const auto is = std::make_shared<bool>(false);
    call("poll", call_limit(), [object, is, &made, &where](sluice_text* error) {
      const call_scope here{*object, call_scope::tag::lane};
      sluice_status status = SLUICE_OK;
      if (made.poll != nullptr) status = made.poll(object->self(), 0, error);
      if (status == SLUICE_AGAIN) status = SLUICE_OK;
      const std::int64_t now = where.read_clock();
      if (status == SLUICE_OK && made.on_timer != nullptr && object->wake_time <= now) {
        object->wake_time = SLUICE_NEVER;
        status = made.on_timer(object->self(), now, error);
      }
      *is = made.ready(object->self(), SLUICE_BATCH_MAX, long_waited) > 0;
      return status;
    });
    return *is;
  };
  if (!by_.wait(ready, connect_limit))
    throw std::runtime_error{title_ + ": was not ready within 5 s"};
}

void candidate::rehearse(std::string_view schema, const std::vector<std::uint8_t>& state) {
  plugin_object* const object = with_.next.get();
  call("import_state", std::min(import_limit, call_limit()),
       [object, schema = std::string{schema}, state](sluice_text*) {
         return object->import(schema, state), SLUICE_OK;
       });
}

replacement& candidate::offer(stage_receipt& told, bool lose_state) {
  with_.told = &told;
  with_.lose_state = lose_state;
  return with_;
}

}  // namespace sluice::runtime
