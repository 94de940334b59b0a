// What each verb of the command line is asked, and does. Every verb returns the exit code.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::cli {

/// Of the whole program; systemd units and scripts rely on them.
enum exit_code : int {
  done = 0,
  failure = 1,
  usage = 64,
  unavailable = 69,
  drained_with_loss = 75,
  bad_configuration = 78
};

/// Where plugins and variables come from.
struct places {
  std::vector<std::string> plugin_path;
  std::string env_file = ".env";
};

struct run_options {
  places from;
  std::string file;
  bool json_log = false;
  std::string log_level = "info";
  std::string status_every;  ///< a duration; empty: never
};
int run(const run_options& asked);

struct check_options {
  places from;
  std::vector<std::string> paths;
  bool deny_warnings = false;
  bool effective = false;  ///< print every value and where it came from as well
  std::string format = "text";
};
int check(const check_options& asked);

struct test_options {
  places from;
  std::vector<std::string> files;  ///< or folders of .toml files
  std::optional<std::uint64_t> seed;
  std::uint64_t seeds = 1;  ///< how many, one after the other
  std::string junit;        ///< a file to write; empty: none
  std::string format = "text";
};
int test(const test_options& asked);

struct plugins_options {
  places from;
  std::string format = "text";
};
int plugins(const plugins_options& asked);

struct inspect_options {
  places from;
  std::string plugin;
  std::string format = "text";
};
int inspect(const inspect_options& asked);

struct graph_options {
  places from;
  std::string file;
  std::string format = "text";
};
int graph(const graph_options& asked);

struct schema_options {
  places from;
  std::vector<std::string> plugins;  ///< none: all of the search path
};
int schema(const schema_options& asked);

struct docs_options {
  places from;
  std::string plugin;  ///< empty: the keys that every pipeline has
  bool sample = false;
};
int docs(const docs_options& asked);

struct new_options {
  std::string name;  ///< of the stage, and of the folder that is made
  std::string kind = "transform";
};
int new_stage(const new_options& asked);

struct verify_options {
  places from;
  std::vector<std::string> files;  ///< or names, for the search path
  std::vector<std::string> cases;  ///< none: all
  std::vector<std::string> set;    ///< "key=value", of the stage
  std::string config;              ///< a file with the stage's keys; empty: none
  std::string limit = "10s";       ///< of one case
  std::string format = "text";
  /// Of the process of one case: what it tells, and where it may write.
  int report_to = -1;
  std::string scratch;
};
int verify(const verify_options& asked);

struct status_options {
  std::string pipeline;  ///< empty: the only one that runs
  std::string format = "text";
};
int status(const status_options& asked);

struct breaker_options {
  std::string pipeline;            ///< empty: the only one that runs
  std::vector<std::string> words;  ///< a guard, if not all are meant; what it is told, if anything
};
int breaker(const breaker_options& asked);

struct level_options {
  std::string pipeline;            ///< empty: the only one that runs
  std::vector<std::string> words;  ///< what it is told, if anything
};
int level(const level_options& asked);

/// How a change of a running pipeline is to be done.
struct change_words {
  bool dry_run = false, allow_gap = false, lose_state = false;
  std::string trial;  ///< a duration; empty: none
};

struct swap_options {
  std::string pipeline, stage;
  std::string plugin;            ///< empty: the one it has
  std::vector<std::string> set;  ///< "key=value"
  change_words words;
  std::string format = "text";
};
int swap(const swap_options& asked);

struct reload_options {
  std::string pipeline;  ///< empty: the only one that runs
  change_words words;
  std::string format = "text";
};
int reload(const reload_options& asked);

struct confirm_options {
  std::string pipeline;  ///< empty: the only one that runs
};
int confirm(const confirm_options& asked);

struct events_options {
  std::string pipeline;  ///< empty: the only one that runs
  std::uint64_t after = 0;
  bool follow = false;  ///< go on until interrupted
  std::string format = "text";
};
int events(const events_options& asked);

struct tap_options {
  std::string pipeline, stage;
  std::optional<std::uint64_t> key;
  std::optional<std::uint32_t> priority;
  std::string schema;       ///< empty: any
  std::uint32_t every = 1;  ///< each n-th of those
  std::uint64_t limit = 0;  ///< records; 0: no limit
  std::string time;         ///< a duration; empty: no limit
  std::string format = "text";
};
int tap(const tap_options& asked);

struct top_options {
  std::string pipeline;         ///< empty: the only one that runs
  std::string interval = "1s";  ///< a duration
  bool once = false;
};
int top(const top_options& asked);

struct version_options {
  std::string format = "text";
};
int version(const version_options& asked);

/// The whole program: parses, runs and returns the exit code, or ends the process with it if a
/// plugin hangs.
int main_of(int argc, char** argv);

}  // namespace sluice::cli
