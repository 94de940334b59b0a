#include "cli/app.hpp"

#include "cli/completion.hpp"
#include "cli/manual.hpp"
#include "cli/output.hpp"
#include "cli/verbs.hpp"
#include "config/text.hpp"
#include "conformance/suite.hpp"

#include <algorithm>
#include <exception>
#include <string>

namespace sluice::cli {
namespace {

constexpr const char* about =
    "Sluice runs pipelines of plugins: sources, transforms, guards and sinks, chained by a TOML\n"
    "file. It degrades by plan when a sink cannot keep up, and counts every record.";

constexpr const char* first_steps =
    "First steps:\n"
    "  sluice plugins                     what there is\n"
    "  sluice inspect redis_sink          one of them, with all its keys\n"
    "  sluice check ticker.toml           every mistake of a file, with its place\n"
    "  sluice test overload.toml          how it does under load, in virtual time\n"
    "  sluice run ticker.toml             run it; Ctrl-C drains, a second one stops at once\n"
    "  sluice status ticker               how it does, from another terminal; top keeps showing "
    "it\n"
    "  sluice tap ticker redis            the records that its sink is given\n"
    "  sluice swap ticker adaptive_sampler conflating_sampler   another plugin, while it runs\n"
    "  sluice new volume_filter           a stage of your own\n"
    "  sluice verify volume_filter.so     does it keep the contract?\n"
    "\n"
    "Exit codes: 0 ok, 1 failure, 64 usage, 69 not running, 75 records were lost while draining,\n"
    "78 bad configuration. `sluice VERB --help` has the examples of a verb.";

constexpr const char* plugin_path_help =
    "Directories searched for plugins first, before $SLUICE_PLUGIN_PATH, the ones installed with "
    "this program and /usr/lib/sluice/plugins; repeatable";

/// A verb: its options, filled by CLI11, kept alive by its callback.
template <typename Options>
struct verb {
  CLI::App* app;
  std::shared_ptr<Options> options;

  verb(command_line& line, const char* name, const char* help, const char* examples,
       int (*run)(const Options&))
      : app{line.app->add_subcommand(name, help)}, options{std::make_shared<Options>()} {
    app->footer(std::string{"Examples:\n"} + examples);
    app->callback([chosen = line.chosen, given = options, run] {
      *chosen = [given, run] { return run(*given); };
    });
  }
  void plugin_path() {
    app->add_option("--plugin-path", options->from.plugin_path, plugin_path_help)
        ->type_name("DIR")
        ->expected(1)
        ->take_all();
  }
  void places() {
    plugin_path();
    app->add_option("--env-file", options->from.env_file,
                    "Variables for ${NAME} in the file; the environment goes before it")
        ->type_name("FILE")
        ->check(CLI::ExistingFile)
        ->capture_default_str();
  }
  void format(const std::vector<std::string>& formats) {
    app->add_option("--format", options->format, "How to print")
        ->check(CLI::IsMember(formats))
        ->capture_default_str();
  }
};

std::string is_setting(const std::string& given) {
  return given.find('=') == std::string::npos ? "must be KEY=VALUE" : "";
}

std::vector<std::string> case_names() {
  std::vector<std::string> names;
  for (const auto& each : testing::conformance::cases()) names.emplace_back(each.name);
  return names;
}

void add_run(command_line& line) {
  verb<run_options> made{
      line, "run", "Run a pipeline until it is told to end",
      "  sluice run ticker.toml\n"
      "  sluice run ticker.toml --status-every 1s\n"
      "  sluice run ticker.toml --log-format json --log-level warn\n"
      "Signals: SIGTERM and SIGINT drain, a second one stops at once; SIGHUP reloads "
      "the\nfile; SIGUSR1 writes the status to the log. The log is stderr. The "
      "final balance is\nprinted at the end. Its control socket is in $SLUICE_RUN_DIR, else "
      "/run/sluice, else $XDG_RUNTIME_DIR/sluice.",
      &run};
  made.app->add_option("FILE", made.options->file, "The pipeline")->type_name("FILE")->required();
  made.places();
  made.app
      ->add_option("--status-every", made.options->status_every,
                   "Write a line of figures to the log this often, as 1s")
      ->type_name("DURATION");
  made.app
      ->add_option_function<std::string>(
          "--log-format",
          [given = made.options](const std::string& format) { given->json_log = format == "json"; },
          "How the log is written")
      ->check(CLI::IsMember({"text", "json"}))
      ->default_str("text");
  made.app->add_option("--log-level", made.options->log_level, "The least that is written")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str();
}

void add_check(command_line& line) {
  verb<check_options> made{line, "check", "Say all that is wrong with pipeline files",
                           "  sluice check ticker.toml\n"
                           "  sluice check pipelines/            every .toml in a folder\n"
                           "  sluice check --deny-warnings --format json ticker.toml\n"
                           "  sluice check --effective ticker.toml | grep -v '# default'",
                           &check};
  made.app->add_option("PATH", made.options->paths, "Files, or folders of .toml files")
      ->type_name("PATH")
      ->required();
  made.places();
  made.app->add_flag("--deny-warnings", made.options->deny_warnings, "A warning is an error");
  made.app->add_flag("--effective", made.options->effective,
                     "Print every key's value as well, and where it came from: default, file, "
                     "environment, .env; never a secret");
  made.format({"text", "json"});
}

void add_test(command_line& line) {
  verb<test_options> made{line, "test", "Run pipelines under scenarios of load, in virtual time",
                          "  sluice test overload.toml\n"
                          "  sluice test tests/scenarios/ --junit report.xml   every .toml in it\n"
                          "  sluice test overload.toml --seeds 100\n"
                          "A scenario names a pipeline, a load, faults, and what is expected of "
                          "levels, losses\nand ages. Sources and sinks are models; all else is "
                          "real. The same seed is the same run.",
                          &test};
  made.app->add_option("FILE", made.options->files, "Scenarios, or folders of .toml files")
      ->type_name("FILE")
      ->required();
  made.plugin_path();
  made.app->add_option("--seed", made.options->seed, "Instead of the scenario's own")
      ->type_name("N");
  made.app->add_option("--seeds", made.options->seeds, "Run each with so many seeds in a row")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  made.app->add_option("--junit", made.options->junit, "Write the results as JUnit XML")
      ->type_name("FILE");
  made.format({"text", "json"});
}

void add_plugins(command_line& line) {
  verb<plugins_options> made{line, "plugins", "List the plugins of the search path",
                             "  sluice plugins\n"
                             "  sluice plugins --plugin-path ./build/lib/sluice/plugins "
                             "--format json",
                             &plugins};
  made.plugin_path();
  made.format({"text", "json"});
}

void add_inspect(command_line& line) {
  verb<inspect_options> made{line, "inspect", "Show a plugin: version, kind, capabilities, keys",
                             "  sluice inspect redis_sink\n"
                             "  sluice inspect ./my_stage.so --format json",
                             &inspect};
  made.app->add_option("PLUGIN", made.options->plugin, "A name, or a path with a slash in it")
      ->type_name("PLUGIN")
      ->required();
  made.plugin_path();
  made.format({"text", "json"});
}

void add_graph(command_line& line) {
  verb<graph_options> made{line, "graph", "Draw a pipeline: its stages, lanes and queues",
                           "  sluice graph ticker.toml\n"
                           "  sluice graph ticker.toml --format dot | dot -Tsvg > ticker.svg",
                           &graph};
  made.app->add_option("FILE", made.options->file, "The pipeline")->type_name("FILE")->required();
  made.places();
  made.format({"text", "json", "dot"});
}

void add_schema(command_line& line) {
  verb<schema_options> made{line, "schema", "Write the JSON Schema of pipeline files",
                            "  sluice schema > sluice.schema.json\n"
                            "  sluice schema kite_source redis_sink   of these plugins alone",
                            &schema};
  made.app->add_option("PLUGIN", made.options->plugins, "Plugins; all that are found unless given")
      ->type_name("PLUGIN");
  made.plugin_path();
}

void add_docs(command_line& line) {
  verb<docs_options> made{line, "docs", "Write the reference page of a plugin, or of the host",
                          "  sluice docs redis_sink\n"
                          "  sluice docs redis_sink --sample >> ticker.toml\n"
                          "  sluice docs                the keys that every pipeline has",
                          &docs};
  made.app->add_option("PLUGIN", made.options->plugin, "A name, or a path with a slash in it")
      ->type_name("PLUGIN");
  made.app->add_flag("--sample", made.options->sample, "A stage for a pipeline file instead");
  made.plugin_path();
}

void add_new(command_line& line) {
  verb<new_options> made{line, "new",
                         "Make a stage of your own: a folder that builds and is tested",
                         "  sluice new volume_filter\n"
                         "  sluice new ticker --kind source\n"
                         "The folder NAME has the stage, its test, a pipeline to try it in and a "
                         "CMakeLists.txt\nthat needs nothing but the installed SDK.",
                         &new_stage};
  made.app
      ->add_option("NAME", made.options->name,
                   "The stage's name, and the folder's: lower-case words joined by underscores")
      ->type_name("NAME")
      ->required();
  made.app->add_option("--kind", made.options->kind, "What it is")
      ->check(CLI::IsMember({"source", "transform", "sink", "service"}))
      ->capture_default_str();
}

void add_verify(command_line& line) {
  verb<verify_options> made{
      line, "verify", "Say whether a plugin keeps the contract, case by case",
      "  sluice verify build/my_stage.so\n"
      "  sluice verify --set path=/tmp/out --format json build/*.so\n"
      "  sluice verify --case state --case swap my_stage.so\n"
      "Each case runs in a process of its own: a plugin that crashes or hangs "
      "fails it and\nends nothing else. Its stage is really run, with the "
      "settings given: one with sockets\nconnects to where they say. "
      "Required keys that are not given get a value within their\nbounds, "
      "files one in a folder of their own.",
      &verify};
  made.app->add_option("FILE", made.options->files, "Plugins: files, or names in the search path")
      ->type_name("FILE")
      ->required();
  made.plugin_path();
  made.app->add_option("--case", made.options->cases, "This case alone; repeatable")
      ->type_name("CASE")
      ->expected(1)
      ->take_all()
      ->check(CLI::IsMember(case_names()));
  made.app->add_option("--set", made.options->set, "A key of the stage; repeatable")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->take_all()
      ->check(is_setting);
  made.app->add_option("--config", made.options->config, "A file with keys of the stage")
      ->type_name("FILE");
  made.app->add_option("--limit", made.options->limit, "How long one case may take")
      ->type_name("DURATION")
      ->capture_default_str();
  made.format({"text", "json"});
  // How it runs itself for one case.
  made.app->add_option("--report-to", made.options->report_to)->group("");
  made.app->add_option("--scratch", made.options->scratch)->group("");
}

void add_status(command_line& line) {
  verb<status_options> made{line, "status", "Show how a running pipeline does",
                            "  sluice status ticker\n"
                            "  sluice status              the only one that runs\n"
                            "  sluice status ticker --format json | jq .level",
                            &status};
  made.app->add_option("PIPELINE", made.options->pipeline, "Its name, or its socket's path")
      ->type_name("PIPELINE");
  made.format({"text", "json", "prometheus"});
}

void add_breaker(command_line& line) {
  verb<breaker_options> made{line, "breaker", "Show a running pipeline's breakers, or force them",
                             "  sluice breaker ticker                    their states\n"
                             "  sluice breaker ticker open               nothing is sent\n"
                             "  sluice breaker ticker automatic          closed, by results again\n"
                             "  sluice breaker ticker redis_guard disable    one of several\n"
                             "automatic (or close): by results again, beginning closed; open: "
                             "nothing is sent;\ndisable: everything is, uncounted; metrics: "
                             "everything is, and is counted. It stays so\nuntil told otherwise.",
                             &breaker};
  made.app->add_option("PIPELINE", made.options->pipeline, "Its name, or its socket's path")
      ->type_name("PIPELINE");
  made.app
      ->add_option("WORDS", made.options->words,
                   "A breaker's stage, all unless given; then open, automatic, close, disable or "
                   "metrics")
      ->type_name("[STAGE] [STATE]");
}

void add_change_words(CLI::App& app, change_words& to) {
  app.add_flag("--dry-run", to.dry_run,
               "Say what would be done, and whether it would be refused; the new stages are made "
               "and tested, and none takes over");
  app.add_option("--trial", to.trial,
                 "Put all back after that unless `sluice confirm` keeps it, and at once if the "
                 "level gets worse or a stage on trial faults")
      ->type_name("DURATION");
  app.add_flag("--allow-gap", to.allow_gap, "A source may be stopped and started anew");
  app.add_flag("--lose-state", to.lose_state,
               "A stage may begin without the state of the one it replaces");
}

void add_swap(command_line& line) {
  verb<swap_options> made{
      line, "swap", "Exchange one stage of a running pipeline",
      "  sluice swap ticker adaptive_sampler priority_sampler\n"
      "  sluice swap ticker adaptive_sampler --set headroom=0.8     the same plugin, other values\n"
      "  sluice swap ticker volume_filter ./build/volume_filter.so --trial 30s\n"
      "  sluice swap ticker redis --dry-run --set timeout=2s\n"
      "The new stage is made and tested beside the old one, and takes over between two batches:\n"
      "its state, what it holds or has queued, its counters and its place go on. Whatever fails,\n"
      "the old one goes on. The file is not written: make the change there, too.",
      &swap};
  made.app->add_option("PIPELINE", made.options->pipeline, "Its name, or its socket's path")
      ->type_name("PIPELINE")
      ->required();
  made.app->add_option("STAGE", made.options->stage, "The stage's name")
      ->type_name("STAGE")
      ->required();
  made.app
      ->add_option("PLUGIN", made.options->plugin,
                   "A name, or a path with a slash in it; the plugin it has unless given, as its "
                   "file is now. Another plugin begins with its defaults")
      ->type_name("PLUGIN");
  made.app->add_option("--set", made.options->set, "A key of the stage; repeatable")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->take_all()
      ->check(is_setting);
  add_change_words(*made.app, made.options->words);
  made.format({"text", "json"});
}

void add_reload(command_line& line) {
  verb<reload_options> made{
      line, "reload", "Let a running pipeline become what its file says now",
      "  sluice reload ticker --dry-run     what that would change\n"
      "  sluice reload ticker               as SIGHUP does\n"
      "  sluice reload ticker --trial 5m && sluice confirm ticker\n"
      "Only what differs is touched: values that may change while a stage runs are set, other\n"
      "stages are exchanged. What needs a restart is refused by name, as is a file with mistakes;\n"
      "nothing is changed then.",
      &reload};
  made.app->add_option("PIPELINE", made.options->pipeline, "Its name, or its socket's path")
      ->type_name("PIPELINE");
  add_change_words(*made.app, made.options->words);
  made.format({"text", "json"});
}

void add_confirm(command_line& line) {
  verb<confirm_options> made{line, "confirm", "Keep what a swap or reload has put on trial",
                             "  sluice confirm ticker              before its trial ends\n"
                             "  sluice swap ticker sampler priority_sampler --trial 30s    what "
                             "begins one",
                             &confirm};
  made.app->add_option("PIPELINE", made.options->pipeline, "Its name, or its socket's path")
      ->type_name("PIPELINE");
}

void add_level(command_line& line) {
  verb<level_options> made{
      line, "level", "Show a running pipeline's level, or force it",
      "  sluice level ticker                what it is, and why\n"
      "  sluice level ticker critical       samplers and shedders act on that\n"
      "  sluice level ticker automatic      by the signals again",
      &level};
  made.app
      ->add_option("WORDS", made.options->words,
                   "A pipeline, by name or by its socket's path; then automatic, healthy, "
                   "warning, critical or overload")
      ->type_name("[PIPELINE] [LEVEL]");
}

void add_events(command_line& line) {
  verb<events_options> made{line, "events", "Show what happened to a running pipeline",
                            "  sluice events ticker               the last 1024 at most\n"
                            "  sluice events ticker --follow      and those that come\n"
                            "  sluice events ticker --after 120 --format json",
                            &events};
  made.app->add_option("PIPELINE", made.options->pipeline, "Its name, or its socket's path")
      ->type_name("PIPELINE");
  made.app->add_option("--after", made.options->after, "Those numbered above")
      ->type_name("N")
      ->capture_default_str();
  made.app->add_flag("-f,--follow", made.options->follow, "Go on until it ends or Ctrl-C");
  made.format({"text", "json"});
}

void add_tap(command_line& line) {
  verb<tap_options> made{
      line, "tap", "Show records as they leave a stage of a running pipeline",
      "  sluice tap ticker adaptive_sampler            until Ctrl-C\n"
      "  sluice tap ticker redis --key 408065 --limit 10\n"
      "  sluice tap ticker kite_source --every 1000 --for 10s --format json | jq .record\n"
      "Of a sink, the records it is given. A line a record, decoded. The stage never waits: "
      "records\n"
      "that come faster than they can be carried away (about 20,000/s) are counted, and told.",
      &tap};
  made.app->add_option("PIPELINE", made.options->pipeline, "Its name, or its socket's path")
      ->type_name("PIPELINE")
      ->required();
  made.app->add_option("STAGE", made.options->stage, "The stage's name, or one shard's, redis/0")
      ->type_name("STAGE")
      ->required();
  made.app->add_option("--key", made.options->key, "Only records of this key")->type_name("N");
  made.app->add_option("--priority", made.options->priority, "Only those of this priority")
      ->type_name("N")
      ->check(CLI::Range(0, 2));
  made.app->add_option("--schema", made.options->schema, "Only those of this schema")
      ->type_name("NAME");
  made.app->add_option("--every", made.options->every, "Each n-th of them")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000'000))
      ->capture_default_str();
  made.app->add_option("--limit", made.options->limit, "End after so many")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  made.app->add_option("--for", made.options->time, "End after this time")->type_name("DURATION");
  made.format({"text", "json"});
}

void add_top(command_line& line) {
  verb<top_options> made{
      line, "top", "Watch a running pipeline on the terminal",
      "  sluice top ticker                  until q or Ctrl-C\n"
      "  sluice top ticker --once           one page, for scripts\n"
      "Level and cause, rates as they were, stages, the balance, the newest events. Columns that\n"
      "do not fit the terminal's width are left out. Where the output is not a terminal it is "
      "shown\nonce.",
      &top};
  made.app->add_option("PIPELINE", made.options->pipeline, "Its name, or its socket's path")
      ->type_name("PIPELINE");
  made.app->add_option("--interval", made.options->interval, "How often it is drawn")
      ->type_name("DURATION")
      ->capture_default_str();
  made.app->add_flag("--once", made.options->once, "Print it once and end");
}

void add_version(command_line& line) {
  verb<version_options> made{line, "version", "Show the version and the plugin ABI",
                             "  sluice version --format json", &version};
  made.format({"text", "json"});
}

void add_completion(command_line& line) {
  auto shell = std::make_shared<std::string>();
  CLI::App* app = line.app->add_subcommand("completion", "Write a shell's completion script");
  app->footer(
      "Examples:\n"
      "  sluice completion bash > /etc/bash_completion.d/sluice\n"
      "  sluice completion zsh > /usr/local/share/zsh/site-functions/_sluice\n"
      "  sluice completion fish > ~/.config/fish/completions/sluice.fish");
  app->add_option("SHELL", *shell, "The shell")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->required();
  const CLI::App* whole = line.app.get();
  app->callback([chosen = line.chosen, shell, whole] {
    *chosen = [shell, whole] {
      print(completion(*whole, *shell));
      return +done;
    };
  });
}

void add_manual(command_line& line) {
  auto verb = std::make_shared<std::string>();
  CLI::App* app = line.app->add_subcommand("man", "Write the manual page of a verb");
  app->footer(
      "Examples:\n"
      "  sluice man > sluice.1              the whole, sluice(1)\n"
      "  sluice man run | man -l -          one verb, sluice-run(1)");
  app->add_option("VERB", *verb, "The verb; the program's own page unless given")
      ->type_name("VERB");
  const CLI::App* whole = line.app.get();
  app->callback([chosen = line.chosen, verb, whole] {
    *chosen = [verb, whole] {
      print(manual(*whole, *verb, SLUICE_VERSION));
      return +done;
    };
  });
}

}  // namespace

command_line make_command_line() {
  command_line line{std::make_unique<CLI::App>(about, "sluice"),
                    std::make_shared<std::function<int()>>()};
  line.app->footer(first_steps);
  line.app->set_version_flag("--version", "sluice " SLUICE_VERSION, "Print the version and exit");
  line.app->require_subcommand(1);
  line.app->get_formatter()->column_width(28);
  for (auto* add :
       {&add_run,    &add_check,   &add_test,       &add_plugins, &add_inspect, &add_graph,
        &add_schema, &add_docs,    &add_new,        &add_verify,  &add_status,  &add_events,
        &add_top,    &add_tap,     &add_swap,       &add_reload,  &add_confirm, &add_breaker,
        &add_level,  &add_version, &add_completion, &add_manual})
    add(line);
  return line;
}

namespace {

/// CLI11 says of a misspelt verb only that one is required. Empty if the first word is none.
std::string wrong_verb(const CLI::App& app, int argc, char** argv) {
  const std::string word = argc > 1 ? argv[1] : "";
  std::vector<std::string> verbs;
  for (const CLI::App* one : app.get_subcommands({})) verbs.push_back(one->get_name());
  if (word.empty() || word.starts_with('-') ||
      std::find(verbs.begin(), verbs.end(), word) != verbs.end())
    return "";
  return "there is no verb " + config::in_quotes(word) + "; " + config::suggestion(word, verbs);
}

int code_of(int argc, char** argv) {
  try {
    const command_line line = make_command_line();
    if (argc < 2) {
      complain(line.app->help());
      return usage;
    }
    if (const std::string wrong = wrong_verb(*line.app, argc, argv); !wrong.empty()) {
      complain("sluice: " + wrong + "\n");
      return usage;
    }
    try {
      line.app->parse(argc, argv);
    } catch (const CLI::ParseError& problem) {
      // Help is an answer, everything else a mistake of the command line.
      return line.app->exit(problem) == 0 ? done : usage;
    }
    return (*line.chosen)();
  } catch (const std::exception& why) {
    complain("sluice: " + words_of(why) + "\n");
    return failure;
  }
}

}  // namespace

int main_of(int argc, char** argv) { return ended(code_of(argc, argv)); }

}  // namespace sluice::cli
