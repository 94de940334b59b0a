#include "config/routes.hpp"

#include "config/text.hpp"

#include <algorithm>
#include <string_view>

namespace sluice::config {

namespace {

constexpr std::size_t most_cases = 10'000;

/// Something that conditions ask of a record, and what it may be.
struct question {
  std::string name;
  std::vector<std::string> answers;

  void add(const std::string& answer) {
    if (std::find(answers.begin(), answers.end(), answer) == answers.end())
      answers.push_back(answer);
  }
};

std::vector<std::string> texts(const std::vector<std::uint8_t>& priorities) {
  std::vector<std::string> made;
  for (const std::uint8_t each : priorities) made.push_back(std::to_string(each));
  return made;
}

/// Priority, schema, then each attribute that an edge names.
std::vector<question> questions_of(const std::vector<const where_spec*>& edges,
                                   std::vector<std::string> schemas) {
  std::vector<question> made{{"priority", {"0", "1", "2"}}, {"schema", std::move(schemas)}};
  const bool known = !made[1].answers.empty();
  for (const where_spec* edge : edges) {
    for (const std::string& schema : edge->schemas)
      if (!known) made[1].add(schema);
    for (const auto& attribute : edge->attributes) {
      auto found = std::find_if(made.begin() + 2, made.end(),
                                [&](const question& each) { return each.name == attribute.name; });
      if (found == made.end()) found = made.insert(found, {attribute.name, {""}});
      for (const std::string& value : attribute.values) found->add(value);
    }
  }
  if (made[1].answers.empty()) made.erase(made.begin() + 1);
  return made;
}

/// What an edge allows for a question; empty: anything.
std::vector<std::string> allowed_answers(const where_spec& edge, const question& asked) {
  if (asked.name == "priority") return texts(edge.priorities);
  if (asked.name == "schema") return edge.schemas;
  for (const auto& attribute : edge.attributes)
    if (attribute.name == asked.name) return attribute.values;
  return {};
}

bool takes(const where_spec& edge, const std::vector<question>& questions,
           const std::vector<std::size_t>& answers) {
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const auto values = allowed_answers(edge, questions[i]);
    const std::string& answer = questions[i].answers[answers[i]];
    if (!values.empty() && std::find(values.begin(), values.end(), answer) == values.end())
      return false;
  }
  return true;
}

/// Of the questions that any edge asks.
std::string described(const std::vector<const where_spec*>& edges,
                      const std::vector<question>& questions,
                      const std::vector<std::size_t>& answers) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const question& each = questions[i];
    const std::string& answer = each.answers[answers[i]];
    if (std::any_of(edges.begin(), edges.end(),
                    [&](const where_spec* edge) { return !allowed_answers(*edge, each).empty(); }))
      parts.push_back(each.name + ' ' + (each.name == "priority" ? answer : in_quotes(answer)));
  }
  return joined(parts, ", ");
}

/// The next case; false: that was the last.
bool advance(std::vector<std::size_t>& answers, const std::vector<question>& questions) {
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (++answers[i] < questions[i].answers.size()) return true;
    answers[i] = 0;
  }
  return false;
}

}  // namespace

std::optional<std::string> not_taken(const std::vector<const where_spec*>& edges,
                                     std::vector<std::string> schemas) {
  const auto questions = questions_of(edges, std::move(schemas));
  std::size_t cases = 1;
  for (const question& each : questions)
    if ((cases *= each.answers.size()) > most_cases) return std::nullopt;
  std::vector<std::size_t> answers(questions.size(), 0);
  do {
    if (std::none_of(edges.begin(), edges.end(),
                     [&](const where_spec* edge) { return takes(*edge, questions, answers); }))
      return described(edges, questions, answers);
  } while (advance(answers, questions));
  return std::nullopt;
}

}  // namespace sluice::config
