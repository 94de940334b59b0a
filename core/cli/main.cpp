#include "cli/verbs.hpp"

int main(int argc, char** argv) { return sluice::cli::main_of(argc, argv); }
