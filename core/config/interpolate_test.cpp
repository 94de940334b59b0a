#include "config/interpolate.hpp"

#include "config/fakes_test.hpp"
#include "config/redis_key.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <filesystem>
#include <fstream>

namespace interpolate_test {

using namespace sluice;
using namespace sluice::config;

namespace {

/// A folder of this test's own, gone with it.
struct folder {
  std::filesystem::path path;
  folder() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-config-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~folder() { std::filesystem::remove_all(path); }
  std::string write(const std::string& name, std::string_view text) const {
    std::ofstream{path / name, std::ios::binary} << text;
    return (path / name).string();
  }
};

expansion run(std::string_view raw) {
  return expand(raw, fakes::only({{"A", "1"}, {"EMPTY", ""}, {"TRICK", "${A}"}}));
}

}  // namespace

TEST_CASE("variables, defaults and escapes") {
  CHECK(run("x${A}y").text == "x1y");
  CHECK(run("${A}${A}").text == "11");
  CHECK(run("${A:-2}").text == "1");
  CHECK(run("${B:-2}").text == "2");
  CHECK(run("${EMPTY:-2}").text == "2");
  CHECK(run("${EMPTY}").text.empty());
  CHECK(run("${B:-}").text.empty());
  CHECK(run("$${A}").text == "${A}");
  CHECK(run("$ {A} $A }").text == "$ {A} $A }");
  CHECK(run("${TRICK}").text == "${A}");  // what is substituted is not looked into
  CHECK(run("${A}").whole);
  CHECK_FALSE(run("${A}${A}").whole);
  CHECK_FALSE(run(" ${A}").whole);
  CHECK_FALSE(run("plain").used);
}

TEST_CASE("errors name the variable") {
  CHECK(run("${B}").error == "environment variable B is not set");
  CHECK(run("${B:?say where}").error == "environment variable B is not set: say where");
  CHECK(run("${EMPTY:?say where}").failed == expansion::failure::variable);
  for (const char* bad :
       {"${", "${A", "${}", "${1A}", "${A:}", "${A:+x}", "${A-2}", "${A B}", "${A:-${B}}"})
    CHECK_MESSAGE(run(bad).failed == expansion::failure::syntax, bad);
}

TEST_CASE("files lose their line end and are regular and short") {
  const folder here;
  CHECK(run("${file:" + here.write("a", "token\n") + "}").text == "token");
  CHECK(run("<${file:" + here.write("b", "two\nlines\r\n\n") + "}>").text == "<two\nlines>");
  CHECK(run("${file:" + here.write("c", std::string(4096, 'x')) + "}").text.size() == 4096);
  CHECK(run("${file:" + here.write("d", std::string(4097, 'x')) + "}").error ==
        "file \"" + (here.path / "d").string() + "\": longer than 4 KiB");
  CHECK(run("${file:" + here.path.string() + "}").failed == expansion::failure::file);
  const std::string pipe = (here.path / "pipe").string();
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(run("${file:" + pipe + "}").error == "file \"" + pipe + "\": not a regular file");
  CHECK(run("${file:/nowhere/x}").error == "file \"/nowhere/x\": No such file or directory");
}

TEST_CASE("a secret is read anew at each use, and may come later") {
  const folder here;
  const std::string file = (here.path / "token").string();
  const auto result =
      load_text("[[stage]]\nplugin='kite_source'\napi_key='k'\naccess_token='${file:" + file +
                    "}'\n[[stage]]\nplugin='null'\n",
                "t.toml", fakes::find, fakes::only({}));
  REQUIRE(result.pipeline);
  REQUIRE(!result.warnings.empty());
  CHECK(to_string(result.warnings[0]) == "t.toml:4:1: access_token: file \"" + file +
                                             "\": No such file or directory; it is tried again at "
                                             "each use");
  const auto& settings = *result.pipeline->stages[0].settings;
  const sluice_value& token = settings.data()[1];
  CHECK(view(token.string).empty());
  const secret_reader* reader = settings.secret(token.secret);
  REQUIRE(reader != nullptr);
  CHECK_THROWS_WITH(reader->read(),
                    ("access_token: file \"" + file + "\": No such file or directory").c_str());
  here.write("token", "first\n");
  CHECK(reader->read() == "first");
  here.write("token", "second\n");
  CHECK(reader->read() == "second");
  CHECK(settings.secret(0) == nullptr);
  CHECK(settings.secret(99) == nullptr);
}

TEST_CASE("a Redis key: a place and a name, of which no password is shown") {
  const redis_key found = parse_redis_key("redis://us%40er:p%7Dw@x:@[::1]:7000/3/kite:tok%7Den/a");
  CHECK(found.user == "us@er");
  CHECK(found.password == "p}w@x:");
  CHECK(found.host == "::1");
  CHECK(found.port == 7000);
  CHECK(found.database == 3);
  CHECK(found.key == "kite:tok}en/a");
  CHECK(found.shown() == "redis://[::1]:7000/3/kite:tok}en/a");
  CHECK(parse_redis_key("redis://h/0/k").shown() == "redis://h:6379/0/k");
  CHECK(parse_redis_key("redis://:pw@h/0/k").password == "pw");
  for (const char* bad : {"",
                          "h",
                          "rediss://pw@h/0/k",
                          "redis://pw",
                          "redis://:pw@h",
                          "redis://:pw@h/0",
                          "redis://:pw@h/0/",
                          "redis://:pw@h/x/k",
                          "redis://:pw@h//k",
                          "redis://:pw@/0/k",
                          "redis://:pw@h:0/0/k",
                          "redis://:pw@h:/0/k",
                          "redis://:pw@h:65536/0/k",
                          "redis://pw@h/0/k",
                          "redis://:pw%4@h/0/k",
                          "redis://:pw%zz@h/0/k",
                          "redis://:pw@[h/0/k",
                          "redis://:pw@[h]1/0/k",
                          "redis://h/0/pw%1",
                          "redis://:pw@h:port/0/k"}) {
    CAPTURE(bad);
    const expansion failed =
        expand("${redis:" + std::string{bad} + "}", fakes::only({}), redis_keys::named);
    CHECK(failed.failed == expansion::failure::syntax);
    CHECK(failed.error.find("allowed is ${redis:redis://") != std::string::npos);
    CHECK(failed.error.find("pw") == std::string::npos);
  }
  CHECK(run("${redi:redis://:pw@h/0/k}").error.find("pw") == std::string::npos);
}

TEST_CASE("a Redis key stands in a secret only, and is not read when the file is") {
  const auto load = [](const std::string& keys) {
    return load_text("[[stage]]\nplugin='kite_source'\n" + keys + "\n[[stage]]\nplugin='null'\n",
                     "t.toml", fakes::find, fakes::only({}));
  };
  const auto result =
      load("api_key='k'\naccess_token='x${redis:redis://:the-pw@no-such-host.invalid/0/k}'");
  REQUIRE(result.pipeline);
  const sluice_value* values = result.pipeline->stages[0].settings->data();
  const secret_reader* reader = result.pipeline->stages[0].settings->secret(values[1].secret);
  REQUIRE(reader != nullptr);
  CHECK_FALSE(reader->remote.empty());
  CHECK_THROWS_WITH_AS(reader->read(), doctest::Contains("redis://no-such-host.invalid:6379/0/k: "),
                       redis_unreachable);
  REQUIRE(result.warnings.size() == 1);
  CHECK(
      to_string(result.warnings[0]) ==
      "t.toml:4:1: access_token: a password in the file itself is seen by whoever reads the file");
  for (const effective_value& one : result.effective) {
    CHECK(one.value.find("the-pw") == std::string::npos);
    CHECK(one.origin.find("the-pw") == std::string::npos);
  }
  const auto other =
      load("api_key='k'\naccess_token='x${redis:redis://:other@no-such-host.invalid/0/k}'");
  CHECK(other.pipeline->hash == result.pipeline->hash);
  const auto refused = load("access_token='t'\napi_key='${redis:redis://:the-pw@h/0/k}'");
  REQUIRE(refused.errors.size() == 1);
  CHECK(to_string(refused.errors[0]).find("a ${redis:...} may stand for a secret only") !=
        std::string::npos);
  CHECK(to_string(refused.errors[0]).find("the-pw") == std::string::npos);
}

TEST_CASE("a .env file: the process's own variables win") {
  const folder here;
  const auto file = here.write(".env", R"(# comment
PLAIN=value # comment
export  EXPORTED = spaced out
HASH=a#b
SINGLE='a $ \n b'
DOUBLE="a \"b\"\n\\ # c"   # comment
EMPTY=
SLUICE_CONFIG_TEST=file
)");
  REQUIRE(::setenv("SLUICE_CONFIG_TEST", "process", 1) == 0);
  const auto variables = process_environment(file);
  CHECK(variables("PLAIN").value().text == "value");
  CHECK(variables("EXPORTED").value().text == "spaced out");
  CHECK(variables("HASH").value().text == "a#b");
  CHECK(variables("SINGLE").value().text == "a $ \\n b");
  CHECK(variables("DOUBLE").value().text == "a \"b\"\n\\ # c");
  CHECK(variables("EMPTY").value().text == "");
  CHECK_FALSE(variables("SLUICE_CONFIG_NOT_SET"));
  CHECK(variables("SLUICE_CONFIG_TEST").value().text == "process");
  CHECK(variables("SLUICE_CONFIG_TEST").value().origin == "environment");
  ::unsetenv("SLUICE_CONFIG_TEST");
  CHECK(variables("SLUICE_CONFIG_TEST").value().text == "file");
  CHECK(variables("SLUICE_CONFIG_TEST").value().origin == file + ":8");
  CHECK_FALSE(process_environment(here.path / "missing")("PLAIN"));
}

TEST_CASE("a malformed .env file is refused with its line") {
  const folder here;
  const auto refused = [&](std::string_view text, const std::string& why) {
    const std::string file = here.write(".env", text);
    CHECK_THROWS_WITH(process_environment(file), (file + why).c_str());
  };
  refused("A=1\nsecret-alone\n", ":2: allowed are lines KEY=VALUE");
  refused("A='x\n", ":1: the quote is not closed on its line");
  refused("A=\"x\" y\n", ":1: only a comment may follow the closing quote");
  refused("1A=x\n",
          ":1: a variable's name is made of letters, digits and _, and does not begin "
          "with a digit");
  CHECK_THROWS_WITH(process_environment(here.path),
                    (here.path.string() + ": not a regular file").c_str());
}

}  // namespace interpolate_test
