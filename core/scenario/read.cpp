#include "scenario/read.hpp"

#include "config/document.hpp"
#include "config/settings.hpp"
#include "config/text.hpp"
#include "runtime/snapshot.hpp"
#include "scenario/read_changes.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <stdexcept>
#include <utility>

namespace sluice::scenario {

namespace {

using config::in_quotes;
using config::node;

constexpr std::array<std::string_view, 4> pipeline_tables{"pipeline", "level", "stage", "service"};
constexpr std::array<std::string_view, 7> own_tables{"environment", "feed",   "sink",  "fault",
                                                     "swap",        "reload", "expect"};
constexpr std::size_t most_tables = 1000;

bool is_pipeline_table(const config::entry& of) {
  return std::find(pipeline_tables.begin(), pipeline_tables.end(), of.key) !=
             pipeline_tables.end() &&
         of.value.is != node::type::string;
}

/// What may be lost and how, as `losses` names it.
std::vector<std::string> ways_to_lose() {
  std::vector<std::string> names(runtime::reason_names.begin() + 1, runtime::reason_names.end());
  names.insert(names.end(), {"failed", "unknown"});
  return names;
}

class reader {
 public:
  reader(const node& document, const std::string& file, const config::plugin_lookup& find,
         read_result& result)
      : document_{document}, find_{find}, result_{result}, out_{file} {}

  void run() {
    made_.file = out_.file();
    read_head();
    read_environment();
    read_pipeline();
    read_each("feed", made_.feeds, &reader::read_feed);
    read_each("sink", made_.sinks, &reader::read_sink);
    read_each("fault", made_.faults, &reader::read_fault);
    read_each("swap", swaps_, &reader::read_swap);
    read_each("reload", reloads_, &reader::read_reload);
    if (have_pipeline_) read_changes();
    read_each("expect", made_.expected, &reader::read_expectation);
    if (have_pipeline_) check_stages();
    out_.sort();
    for (auto& each : out_.errors) result_.errors.push_back(std::move(each));
    repeat_faults();
    if (result_.errors.empty()) result_.read = std::move(made_);
  }

 private:
  void read_head() {
    std::vector<std::string> known = config::key_names<head_keys>();
    known.insert(known.end(), own_tables.begin(), own_tables.end());
    known.insert(known.end(), pipeline_tables.begin(), pipeline_tables.end());
    const config::section from{&document_, {}, "scenario", ""};
    config::refuse_unknown(from, known, state_);
    // [pipeline] as a table is a pipeline's own: the key is then not set.
    node head = document_;
    std::erase_if(head.entries, is_pipeline_table);
    const auto keys = config::read_keys<head_keys>({&head, {}, "scenario", ""}, state_);
    made_.name = keys.name.value_or(std::filesystem::path{out_.file()}.stem().string());
    made_.doc = keys.doc;
    made_.seed = keys.seed;
    made_.lasts = keys.lasts;
    pipeline_file_ = keys.pipeline;
  }

  void read_environment() {
    const config::entry* given = document_.find("environment");
    if (given == nullptr) return;
    if (given->value.is != node::type::table)
      return out_.error(given->at, "environment: must be one table, written [environment]");
    for (const config::entry& each : given->value.entries) {
      if (each.value.is == node::type::string)
        environment_[each.key] = each.value.text;
      else
        out_.error(each.value.at, "environment." + each.key + ": must be a string, not " +
                                      config::describe(each.value.is));
    }
  }

  config::environment variables() const {
    return [all = environment_](std::string_view name) -> std::optional<config::variable> {
      const auto found = all.find(name);
      return found == all.end() ? std::nullopt : std::optional<config::variable>{found->second};
    };
  }

  void read_pipeline() {
    config::load_result loaded;
    const auto inner =
        std::find_if(document_.entries.begin(), document_.entries.end(), is_pipeline_table);
    if (pipeline_file_) {
      if (inner != document_.entries.end())
        return out_.error(inner->at, inner->key + ": the pipeline is in " +
                                         in_quotes(*pipeline_file_) +
                                         ": either name its file or write it here");
      loaded = config::load(beside(out_.file(), *pipeline_file_), find_, variables());
    } else {
      node own = document_;
      std::erase_if(own.entries,
                    [](const config::entry& each) { return !is_pipeline_table(each); });
      loaded = config::load_document(own, out_.file(), find_, variables());
    }
    have_pipeline_ = loaded.pipeline.has_value();
    if (have_pipeline_) made_.pipeline = std::move(*loaded.pipeline);
    result_.errors = std::move(loaded.errors);
  }

  /// Every table of a list of tables.
  template <typename Each>
  void tables(const node& within, const std::string& prefix, const std::string& key, Each&& each) {
    const config::entry* given = within.find(key);
    if (given == nullptr) return;
    const std::string name = prefix + key;
    if (given->value.is != node::type::array)
      return out_.error(given->at,
                        name + ": must be a list of tables, each written [[" + name + "]]");
    if (given->value.items.size() > most_tables)
      return out_.error(given->at, name + ": at most " + std::to_string(most_tables) +
                                       " are allowed, are " +
                                       std::to_string(given->value.items.size()));
    for (const node& item : given->value.items) {
      if (item.is == node::type::table)
        each(item);
      else
        out_.error(item.at,
                   name + ": must be a table, not " + std::string{config::describe(item.is)});
    }
  }

  template <typename Spec>
  void read_each(const std::string& key, std::vector<Spec>& into,
                 void (reader::*check)(const node&, Spec&)) {
    tables(document_, "", key, [&](const node& table) {
      Spec read = rows<Spec>(table, key, key == "feed" ? feed_tables() : no_tables());
      (this->*check)(table, read);
      into.push_back(std::move(read));
      places_[key].push_back(table.at);
    });
  }

  template <typename Spec>
  Spec rows(const node& table, const std::string& owner, const std::vector<std::string>& more) {
    const config::section from{&table, table.at, owner, owner + "."};
    std::vector<std::string> known = config::key_names<Spec>();
    known.insert(known.end(), more.begin(), more.end());
    config::refuse_unknown(from, known, state_);
    return config::read_keys<Spec>(from, state_);
  }
  static const std::vector<std::string>& feed_tables() {
    static const std::vector<std::string> names{"load", "burst", "group"};
    return names;
  }
  static const std::vector<std::string>& no_tables() {
    static const std::vector<std::string> names;
    return names;
  }

  void read_feed(const node& table, feed_spec& feed) {
    const auto read_list = [&](const std::string& key, auto& into) {
      using spec = typename std::remove_reference_t<decltype(into)>::value_type;
      tables(table, "feed.", key, [&](const node& item) {
        into.push_back(rows<spec>(item, "feed." + key, no_tables()));
      });
    };
    read_list("load", feed.load);
    read_list("burst", feed.bursts);
    read_list("group", feed.groups);
    if (feed.groups.empty())
      out_.error(table.at, "feed.group: is required: the instruments, at least one group of them");
    for (std::size_t i = 1; i < feed.load.size(); ++i)
      if (feed.load[i].at <= feed.load[i - 1].at)
        out_.error(config::place_of({&table, table.at, "", ""}, "load"),
                   "feed.load: the points must stand in rising order of `at`");
    for (const std::string& text : feed.shift) {
      if (const auto when = config::parse_duration(text, false))
        feed.shift_at.emplace_back(*when);
      else
        out_.error(config::place_of({&table, table.at, "", ""}, "shift"),
                   "feed.shift: " + in_quotes(text) +
                       " is no duration: write a list such as [\"30s\", \"1m\"]");
    }
    std::sort(feed.shift_at.begin(), feed.shift_at.end());
  }

  void read_sink(const node&, sink_spec&) {}
  void read_fault(const node& table, fault_spec& fault) {
    if (fault.times > 1 && fault.every < fault.lasts)
      out_.error(table.at, "fault.every: must be at least as long as `for` of a fault that comes " +
                               std::to_string(fault.times) + " times, " +
                               config::show_duration(fault.lasts.count()) + ", is " +
                               config::show_duration(fault.every.count()));
  }

  /// Each fault that comes again becomes one for each time.
  void repeat_faults() {
    std::vector<fault_spec> all;
    for (fault_spec each : made_.faults)
      for (std::uint32_t left = std::exchange(each.times, 1); left > 0; --left) {
        all.push_back(each);
        each.at += each.every;
      }
    made_.faults = std::move(all);
  }

  void read_swap(const node&, swap_spec&) {}
  void read_reload(const node&, reload_spec&) {}

  /// In the order of time: a swap is an edit of what those before it left.
  void read_changes() {
    change_reader by{made_, find_, variables(), out_, result_.errors};
    std::vector<std::pair<duration, std::function<void()>>> due;
    for (std::size_t i = 0; i < swaps_.size(); ++i)
      due.emplace_back(swaps_[i].at, [&, i] { by.read(swaps_[i], places_["swap"][i]); });
    for (std::size_t i = 0; i < reloads_.size(); ++i)
      due.emplace_back(reloads_[i].at, [&, i] { by.read(reloads_[i], places_["reload"][i]); });
    std::stable_sort(due.begin(), due.end(),
                     [](const auto& one, const auto& other) { return one.first < other.first; });
    for (const auto& each : due) each.second();
  }

  void read_expectation(const node& table, expectation& each) {
    each.from = each.from.value_or(duration{});
    each.to = each.to.value_or(made_.lasts);
    if (*each.from >= *each.to || *each.to > made_.lasts)
      out_.error(table.at, "expect: the range must begin before it ends and end within the " +
                               config::show_duration(made_.lasts.count()) +
                               " of the scenario, is " + config::show_duration(each.from->count()) +
                               " to " + config::show_duration(each.to->count()));
    if (!each.losses) return;
    const std::vector<std::string> known = ways_to_lose();
    for (const std::string& name : *each.losses)
      if (std::find(known.begin(), known.end(), name) == known.end())
        out_.error(config::place_of({&table, table.at, "", ""}, "losses"),
                   "expect.losses: " + in_quotes(name) + " is no way to lose a record; " +
                       config::suggestion(name, known));
  }

  /// The names of the pipeline's stages of one kind.
  std::vector<std::string> names_of(std::uint32_t kind) const {
    std::vector<std::string> names;
    for (const config::stage_spec& each : made_.pipeline.stages)
      if (each.plugin->kind == kind) names.push_back(each.name);
    return names;
  }

  /// Fills in the stage that was not said, and refuses one that is not there or said before.
  void check_stage(std::optional<std::string>& stage, std::uint32_t kind, const std::string& key,
                   config::place at) {
    const std::vector<std::string> names = names_of(kind);
    const std::string noun = kind == SLUICE_SOURCE ? "source" : "sink";
    if (!stage && names.size() == 1) stage = names.front();
    if (!stage)
      out_.error(at, key + ".stage: is required: the pipeline has several " + noun + "s, " +
                         config::joined(names, ", "));
    else if (std::find(names.begin(), names.end(), *stage) == names.end())
      out_.error(at, key + ".stage: the pipeline has no " + noun + " called " + in_quotes(*stage) +
                         "; " + config::suggestion(*stage, names));
  }

  template <typename Spec>
  void check_models(std::vector<Spec>& specs, std::uint32_t kind, const std::string& key) {
    std::vector<std::string> modelled;
    for (std::size_t i = 0; i < specs.size(); ++i) {
      check_stage(specs[i].stage, kind, key, places_[key][i]);
      if (!specs[i].stage) continue;
      if (std::find(modelled.begin(), modelled.end(), *specs[i].stage) != modelled.end())
        out_.error(places_[key][i], key + ".stage: " + in_quotes(*specs[i].stage) + " has a [[" +
                                        key + "]] already");
      modelled.push_back(*specs[i].stage);
    }
    for (const config::stage_spec& each : made_.pipeline.stages)
      if (each.plugin->kind == kind && needs_model(each) &&
          std::find(modelled.begin(), modelled.end(), each.name) == modelled.end())
        out_.error({}, key + ": " + in_quotes(each.name) +
                           " talks to the world and needs a model: write a [[" + key + "]] for it");
  }

  /// No sink may write to the world; a source that does not read from it is its own model.
  static bool needs_model(const config::stage_spec& of) {
    return of.plugin->kind == SLUICE_SINK || (of.plugin->capabilities & SLUICE_CAN_IO) != 0;
  }

  void check_instruments() {
    std::uint64_t sum = 0;
    for (const feed_spec& feed : made_.feeds)
      for (const group& each : feed.groups) sum += each.instruments;
    if (sum > made_.pipeline.max_keys)
      out_.error(places_["feed"].front(),
                 "feed.group: at most pipeline.max_keys instruments are allowed, " +
                     std::to_string(made_.pipeline.max_keys) + ", are " + std::to_string(sum));
  }

  void check_stages() {
    check_instruments();
    check_models(made_.feeds, SLUICE_SOURCE, "feed");
    check_models(made_.sinks, SLUICE_SINK, "sink");
    for (std::size_t i = 0; i < made_.faults.size(); ++i)
      check_stage(made_.faults[i].stage,
                  made_.faults[i].kind == fault_kind::silence ? SLUICE_SOURCE : SLUICE_SINK,
                  "fault", places_["fault"][i]);
  }

  const node& document_;
  const config::plugin_lookup& find_;
  read_result& result_;
  config::report out_;
  const config::environment no_variables_ = [](std::string_view) { return std::nullopt; };
  std::vector<config::effective_value> effective_;
  std::string canonical_;
  config::reading state_{no_variables_, out_, effective_, canonical_};
  scenario made_;
  std::vector<swap_spec> swaps_;
  std::vector<reload_spec> reloads_;
  std::optional<std::string> pipeline_file_;
  std::map<std::string, std::string, std::less<>> environment_;
  std::map<std::string, std::vector<config::place>> places_;
  bool have_pipeline_ = false;
};

}  // namespace

read_result read_text(std::string_view text, const std::string& file,
                      const config::plugin_lookup& find) {
  read_result result;
  const auto parsed = config::parse_document(text, file);
  if (const auto* document = std::get_if<node>(&parsed))
    reader{*document, file, find, result}.run();
  else
    result.errors.push_back(std::get<config::diagnostic>(parsed));
  return result;
}

read_result read(const std::filesystem::path& file, const config::plugin_lookup& find) {
  const auto text = config::read_file(file);
  if (const auto* sound = std::get_if<std::string>(&text))
    return read_text(*sound, file.string(), find);
  return {{}, {std::get<config::diagnostic>(text)}};
}

}  // namespace sluice::scenario
