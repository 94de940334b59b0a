#include "config/load.hpp"

#include "config/advice.hpp"
#include "config/codecs.hpp"
#include "config/effective.hpp"
#include "config/graph.hpp"
#include "config/hash.hpp"
#include "config/level.hpp"
#include "config/stages.hpp"
#include "config/text.hpp"
#include "config/wiring.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <stdexcept>
#include <system_error>
#include <tuple>
#include <utility>

namespace sluice::config {

namespace {

constexpr std::size_t file_limit = 4u << 20;
constexpr std::size_t most_stages = 256;

/// The file's name as a pipeline's name.
std::string name_from(const std::string& file) {
  std::string name = std::filesystem::path{file}.stem().string().substr(0, 64);
  for (char& c : name)
    if (!is_name(std::string{'a', c})) c = '_';
  return is_name(name) ? name : "pipeline";
}

bool is_metric_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && !(text.front() >= '0' && text.front() <= '9') &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_';
         });
}

class loader {
 public:
  loader(const node& document, const plugin_lookup& find, const environment& variables,
         load_result& result, report& out)
      : document_{document},
        find_{find},
        result_{result},
        out_{out},
        state_{variables, out, result.effective, canonical_} {}

  void run() {
    check_top();
    spec_.file = out_.file();
    read_pipeline();
    spec_.level = read_level(section_of("level"), state_);
    read_stages("stage");
    read_stages("service");
    spec_.stages = wire(drafts_, out_);
    take_window();
    tell_defaults();
    if (!out_.errors.empty()) return;
    advise(drafts_, spec_, out_);
    advise_of_variables(drafts_, state_);
    spec_.hash = hash();
    hand_out_effective();
    result_.pipeline = std::move(spec_);
  }

 private:
  void check_top() {
    static const std::array<std::string, 4> known{"pipeline", "level", "stage", "service"};
    refuse_unknown({&document_, {}, "file", ""}, known, state_);
  }

  /// [pipeline] and [level]: a table, or nothing.
  section section_of(const std::string& key) {
    const entry* given = document_.find(key);
    if (given == nullptr) return {nullptr, {}, key, key + "."};
    if (given->value.is != node::type::table) {
      const bool list = given->value.is == node::type::array;
      out_.error(given->at, key + ": must be one table, written [" + key + "], not " +
                                (list ? "a list" : describe(given->value.is)));
      return {nullptr, given->at, key, key + "."};
    }
    return {&given->value, given->value.at, key, key + "."};
  }

  void read_pipeline() {
    const section from = section_of("pipeline");
    refuse_unknown(from, key_names<pipeline_keys>(), state_);
    const auto keys = read_keys<pipeline_keys>(from, state_);
    spec_.name = keys.name.value_or(name_from(out_.file()));
    if (!is_name(spec_.name))
      out_.error(place_of(from, "name"),
                 "pipeline.name: must be 1 to 64 letters, digits, _ - or ., not beginning with - "
                 "or ., is " +
                     in_quotes(spec_.name));
    if (!keys.name) amend(state_, "pipeline", "name", in_quotes(spec_.name), "file name");
    spec_.metrics_prefix = keys.metrics_prefix;
    if (!is_metric_name(spec_.metrics_prefix))
      out_.error(place_of(from, "metrics_prefix"),
                 "pipeline.metrics_prefix: must be 1 to 64 letters, digits or _, not beginning "
                 "with a digit, is " +
                     in_quotes(spec_.metrics_prefix));
    spec_.max_keys = keys.max_keys;
    spec_.drain_limit_ns = keys.drain_limit.count();
    spec_.codecs = read_codecs(keys.codecs, from, find_, state_);
  }

  void read_stages(const std::string& key) {
    const entry* given = document_.find(key);
    if (given == nullptr) return;
    const bool list = given->value.is == node::type::array;
    if (!list) {
      out_.error(given->at, key + ": must be a list of tables, each written [[" + key + "]]");
      return;
    }
    if (given->value.items.size() > most_stages) {
      out_.error(given->at, key + ": at most " + std::to_string(most_stages) +
                                " are allowed, are " + std::to_string(given->value.items.size()));
      return;
    }
    for (const node& item : given->value.items) {
      if (item.is == node::type::table)
        drafts_.push_back(read_stage(item, key == "service", find_, state_));
      else
        out_.error(item.at,
                   key + ": must be a table, written [[" + key + "]], not " + describe(item.is));
    }
  }

  /// The latencies' longer window is the one the monitor has for everything else.
  void take_window() {
    for (const stage_spec& stage : spec_.stages) {
      if (stage.settings == nullptr || view(stage.plugin->name) != "backpressure_monitor") continue;
      const auto rows = rows_of(*stage.plugin);
      for (std::uint32_t i = 0; i < stage.settings->size(); ++i)
        if (view(rows[i].key) == "window" && rows[i].kind == SLUICE_DURATION)
          spec_.window_ns = stage.settings->data()[i].integer;
    }
  }

  /// The host's keys whose default depends on where a stage stands, for people.
  void tell_defaults() {
    for (std::size_t i = 0; i < drafts_.size(); ++i) {
      const stage_draft& draft = drafts_[i];
      if (!draft.known()) continue;
      const auto tell = [&](const char* key, std::string value) {
        amend(state_, draft.name, key, std::move(value), "default");
      };
      if (!draft.keys.name) tell("name", in_quotes(draft.name));
      if (draft.service) continue;
      const stage_spec& spec = spec_.stages[i];
      if (!draft.keys.from && !spec.inputs.empty())
        tell("from", "[" + in_quotes(spec_.stages[spec.inputs.front().from].name) + "]");
      if (!draft.queue && spec.queue && !draft.is(SLUICE_GUARD)) {
        tell("queue.records", std::to_string(spec.queue->records));
        tell("queue.bytes", in_quotes(show_size(static_cast<std::int64_t>(spec.queue->bytes))));
        tell("queue.when_full", in_quotes(policy_name(spec.queue->policy)));
        tell("queue.max_delay", in_quotes(show_duration(spec.queue->max_delay_ns)));
      }
      if (!draft.keys.fault_policy)
        tell("on_fault", spec.fault_policy == on_fault::bypass ? "\"bypass\"" : "\"stop\"");
    }
  }

  void hand_out_effective() {
    for (const effective_value& each : result_.effective) {
      const auto owner = std::find_if(spec_.stages.begin(), spec_.stages.end(),
                                      [&](const stage_spec& of) { return of.name == each.owner; });
      (owner == spec_.stages.end() ? spec_.effective : owner->effective).push_back(each);
    }
  }

  /// Of everything that makes two pipelines differ, secrets excepted.
  std::string hash() {
    std::string text = canonical_ + std::to_string(static_cast<int>(spec_.level.mode));
    const auto add = [&](const auto& part) {
      if constexpr (requires { std::to_string(part); })
        text += std::to_string(part);
      else
        text += part;
      text += '\0';
    };
    for (const stage_spec& stage : spec_.stages) {
      add(stage.name);
      add(std::string{view(stage.plugin->name)} + ' ' + std::string{view(stage.plugin->version)});
      add(stage.bypassed ? 1 : 0);
      add(stage.queue ? describe(*stage.queue) : std::string{});
      for (const edge_spec& edge : stage.inputs) {
        add(edge.from);
        for (const auto priority : edge.where.priorities) add(+priority);
        for (const auto& schema : edge.where.schemas) add(schema);
        for (const auto& attribute : edge.where.attributes)
          add(attribute.name + '=' + joined(attribute.values, "\n"));
      }
    }
    return sha256(text);
  }

  const node& document_;
  const plugin_lookup& find_;
  load_result& result_;
  report& out_;
  std::string canonical_;
  reading state_;
  pipeline_spec spec_;
  std::vector<stage_draft> drafts_;
};

}  // namespace

void report::sort() {
  const auto by_place = [](const diagnostic& a, const diagnostic& b) {
    return std::tuple{a.line == 0, a.line, a.column} < std::tuple{b.line == 0, b.line, b.column};
  };
  std::stable_sort(errors.begin(), errors.end(), by_place);
  std::stable_sort(warnings.begin(), warnings.end(), by_place);
}

std::string to_string(const diagnostic& what) {
  std::string text = what.file;
  if (what.line != 0) text += ':' + std::to_string(what.line) + ':' + std::to_string(what.column);
  return text + ": " + what.message;
}

load_result load_document(const node& document, const std::string& file, const plugin_lookup& find,
                          const environment& variables) {
  load_result result;
  report out{file};
  loader{document, find, variables, result, out}.run();
  if (result.pipeline) result.pipeline->document = std::make_shared<const node>(document);
  out.sort();
  result.errors = std::move(out.errors);
  result.warnings = std::move(out.warnings);
  return result;
}

load_result load_text(std::string_view text, const std::string& file, const plugin_lookup& find,
                      const environment& variables) {
  const auto parsed = parse_document(text, file);
  if (const auto* document = std::get_if<node>(&parsed))
    return load_document(*document, file, find, variables);
  load_result result;
  result.errors.push_back(std::get<diagnostic>(parsed));
  return result;
}

std::variant<std::string, diagnostic> read_file(const std::filesystem::path& file) {
  const auto fail = [&](const std::string& why) { return diagnostic{file.string(), 0, 0, why}; };
  std::error_code error;
  const auto status = std::filesystem::status(file, error);
  if (!std::filesystem::exists(status)) return fail("there is no such file");
  if (std::filesystem::is_directory(status)) return fail("is a folder, not a file");
  std::ifstream in{file, std::ios::binary};
  if (!in) return fail("cannot be read: " + std::generic_category().message(errno));
  std::string text(file_limit + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return fail("cannot be read");
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > file_limit) return fail("is longer than 4 MiB, the most a file may be");
  return text;
}

load_result load(const std::filesystem::path& file, const plugin_lookup& find,
                 const environment& variables) {
  const auto text = read_file(file);
  if (const auto* sound = std::get_if<std::string>(&text))
    return load_text(*sound, file.string(), find, variables);
  load_result result;
  result.errors.push_back(std::get<diagnostic>(text));
  return result;
}

std::shared_ptr<const values> load_settings(const sluice_plugin& plugin, std::string_view text,
                                            const environment& variables) {
  const std::string name{view(plugin.name)};
  report out{name};
  std::vector<effective_value> effective;
  std::string canonical;
  reading state{variables, out, effective, canonical};
  std::shared_ptr<const values> settings;
  const auto parsed = parse_document(text, name);
  if (const auto* error = std::get_if<diagnostic>(&parsed)) {
    out.errors.push_back(*error);
  } else {
    const section from{&std::get<node>(parsed), {}, name, ""};
    refuse_unknown(from, keys_of(rows_of(plugin)), state);
    settings = read_settings({&plugin, nullptr}, from, state);
  }
  if (out.errors.empty()) return settings;
  out.sort();
  std::string all;
  for (const diagnostic& error : out.errors) all += (all.empty() ? "" : "\n") + to_string(error);
  throw std::runtime_error{all};
}

}  // namespace sluice::config
