// The command line itself: exit codes of mistakes, and the completion scripts.
#include "cli/app.hpp"

#include "cli/completion.hpp"
#include "cli/manual.hpp"
#include "cli/verbs.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace {

using namespace sluice::cli;

int exit_of(std::vector<std::string> words) {
  words.insert(words.begin(), "sluice");
  std::vector<char*> arguments;
  for (std::string& one : words) arguments.push_back(one.data());
  return main_of(static_cast<int>(arguments.size()), arguments.data());
}

TEST_CASE("a mistake of the command line is a usage error, a mistake of a file is not") {
  CHECK(exit_of({}) == usage);
  CHECK(exit_of({"rnu"}) == usage);
  CHECK(exit_of({"run"}) == usage);
  CHECK(exit_of({"run", "x.toml", "--no-such-flag"}) == usage);
  CHECK(exit_of({"run", "x.toml", "--status-every", "soon"}) == usage);
  CHECK(exit_of({"plugins", "--format", "yaml"}) == usage);
  CHECK(exit_of({"run", "/nowhere/x.toml"}) == bad_configuration);
  CHECK(exit_of({"check", "/nowhere/x.toml"}) == bad_configuration);
  CHECK(exit_of({"test", "/nowhere/x.toml"}) == bad_configuration);
  CHECK(exit_of({"test"}) == usage);
  CHECK(exit_of({"test", "x.toml", "--seeds", "0"}) == usage);
  CHECK(exit_of({"inspect", "no_such_plugin"}) == failure);
  CHECK(exit_of({"status", "/nowhere/x.sock"}) == unavailable);
  CHECK(exit_of({"new"}) == usage);
  CHECK(exit_of({"new", "Mine"}) == usage);
  CHECK(exit_of({"new", "mine", "--kind", "guard"}) == usage);
  CHECK(exit_of({"verify"}) == usage);
  CHECK(exit_of({"verify", "/nowhere/x.so"}) == usage);
  CHECK(exit_of({"verify", "x.so", "--case", "no_such_case"}) == usage);
  CHECK(exit_of({"verify", "x.so", "--set", "key"}) == usage);
  CHECK(exit_of({"verify", "x.so", "--limit", "soon"}) == usage);
  CHECK(exit_of({"verify", "x.so", "--config", "/nowhere/x.toml"}) == bad_configuration);
  CHECK(exit_of({"--help"}) == done);
  CHECK(exit_of({"version"}) == done);
  CHECK(exit_of({"--version"}) == done);
}

TEST_CASE("options reach their verb") {
  const command_line line = make_command_line();
  CHECK_NOTHROW(line.app->parse("run --plugin-path /a --plugin-path /b --log-format json x.toml"));
  CHECK(*line.chosen);
}

TEST_CASE("every verb and its choices are completed, in every shell") {
  const command_line line = make_command_line();
  for (const char* shell : {"bash", "zsh", "fish"}) {
    CAPTURE(shell);
    const std::string script = completion(*line.app, shell);
    for (const CLI::App* verb : line.app->get_subcommands({}))
      CHECK(script.find(verb->get_name()) != std::string::npos);
    CHECK(script.find("text json prometheus") != std::string::npos);
    CHECK(script.find("plugin-path") != std::string::npos);
    CHECK(script.find("bash zsh fish") != std::string::npos);
    CHECK(script.find("scratch") == std::string::npos);  // hidden
  }
}

TEST_CASE("every verb teaches by example") {
  const command_line line = make_command_line();
  for (const CLI::App* verb : line.app->get_subcommands({})) {
    CAPTURE(verb->get_name());
    CHECK(verb->help().find("Examples:\n  sluice " + verb->get_name()) != std::string::npos);
  }
}

TEST_CASE("every verb has a manual page, with its options and examples") {
  const command_line line = make_command_line();
  const std::string whole = manual(*line.app, "", "1.2.3");
  for (const CLI::App* verb : line.app->get_subcommands({})) {
    CAPTURE(verb->get_name());
    const std::string page = manual(*line.app, verb->get_name(), "1.2.3");
    CHECK(whole.find("sluice\\-" + verb->get_name() + "\\fR(1)") != std::string::npos);
    CHECK(page.find("\"sluice 1.2.3\"") != std::string::npos);
    CHECK(page.find(".SH EXAMPLES") != std::string::npos);
    CHECK(page.find("\\-\\-help") != std::string::npos);
  }
  const std::string run = manual(*line.app, "run", "1.2.3");
  CHECK(run.find("\\fB\\-\\-log\\-format\\fR \\fItext|\\:json\\fR") != std::string::npos);
  CHECK(manual(*line.app, "verify", "1").find("report\\-to") == std::string::npos);  // hidden
  CHECK_THROWS_WITH(manual(*line.app, "fly", "1"), "there is no verb \"fly\" to write a page of");
}

}  // namespace
