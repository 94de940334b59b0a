"""A stage that is none does not compile, and the compiler says what is missing.

    misuse.py SOURCE CXX

A sound stage is broken in one place at a time; as it is, it compiles.
"""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

SOUND = """
#include <sluice/meters.hpp>
#include <sluice/stage.hpp>
enum class meter { kept, waiting };
inline constexpr std::array meter_rows{sluice::counter(meter::kept, "kept", "Records kept"),
                                       sluice::gauge(meter::waiting, "waiting", "That wait")};
struct keeper {
  struct config { int minimum = 0; };
  static constexpr auto fields =
      sluice::fields(sluice::field<&config::minimum>("minimum", "Smallest kept.").by_default("1"));
  static constexpr sluice::description about{"keeper", "1.0.0", "Keeps."};
  static constexpr std::string_view state_schema = "keeper/1";
  keeper(const config&, sluice::host host) : meters_{host} {}
  void process(sluice::batch&) {}
  void save(sluice::state_writer& out) { out.put(1); }
  void load(sluice::state_reader&) {}
  sluice::meters<meter_rows> meters_;
};
SLUICE_PLUGIN(keeper);
"""
# What is replaced, by what, and the words of the error.
BROKEN = [
    ("auto fields =", "auto rows =", r"'T::fields.size\(\)' is invalid"),
    ("sluice::description about", "sluice::description told", r"decltype \(T::about\).* is not satisfied"),
    ("keeper(const config&, sluice::host host)", "keeper(sluice::host host)",
     r"is_constructible.* evaluates to false|constructible_from"),
    ("int minimum", "const char* minimum", r"a config member is a bool, integer"),
    ('static constexpr std::string_view state_schema = "keeper/1";', "",
     r"a stage with save or load has a state_schema"),
    ("{ kept, waiting }", "{ waiting, kept }", r"the rows stand in the order of their enum"),
]


def compile_it(source, compiler, text):
    return subprocess.run([compiler, "-std=c++20", "-fsyntax-only", f"-I{source}/sdk/include", "-x",
                           "c++", "-"], input=text, capture_output=True, text=True, check=False)


def main():
    source, compiler = sys.argv[1:]
    texts = [SOUND, *(SOUND.replace(right, wrong) for right, wrong, _ in BROKEN)]
    with ThreadPoolExecutor(2) as at_once:
        sound, *broken = at_once.map(lambda text: compile_it(source, compiler, text), texts)
    wrong = [f"the sound stage does not compile:\n{sound.stderr}"] if sound.returncode else []
    for (_, by, words), result in zip(BROKEN, broken):
        said = re.sub("[‘’]", "'", result.stderr)
        if result.returncode == 0:
            wrong.append(f"with '{by}' it compiles")
        elif not re.search(words, said):
            wrong.append(f"with '{by}' the compiler does not say {words}:\n{said}")
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
