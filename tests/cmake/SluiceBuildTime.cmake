# What keeps building short.

# sluice_precompile(target [set]): the headers of a set, `base` unless named, are parsed once instead
# of in each file of the target. That each file includes what it uses is seen without, with
# -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON; `tests/run --long` does.
function(sluice_precompile target)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    return()
  endif()
  set(set base)
  if(ARGC GREATER 1)
    set(set ${ARGV1})
  endif()
  target_precompile_headers(${target} REUSE_FROM sluice_precompiled_${set})
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>)  # for ccache
endfunction()

# sluice_beast_source(file): it instantiates Beast's templates. That takes a core long enough alone,
# and a sanitizer makes so much code of them that it takes minutes to optimize.
function(sluice_beast_source file)
  set_source_files_properties(${file} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  if(SLUICE_SANITIZE)
    set_source_files_properties(${file} PROPERTIES COMPILE_OPTIONS -O0
      SKIP_PRECOMPILE_HEADERS ON)
  endif()
endfunction()

if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  return()
endif()

# A target's files are compiled several at a time: most of what one costs is what its headers
# instantiate, again in each. A name of one file then may hide another's, and an unnamed namespace be
# taken for a header's, which are no faults. File by file: -DCMAKE_UNITY_BUILD=OFF, quicker after an
# edit; `tests/run --long` does.
if(NOT DEFINED CMAKE_UNITY_BUILD)
  set(CMAKE_UNITY_BUILD ON)
endif()
if(CMAKE_UNITY_BUILD)
  set(CMAKE_UNITY_BUILD_BATCH_SIZE 12)
  target_compile_options(sluice_build INTERFACE -Wno-shadow -Wshadow=local
    $<$<COMPILE_LANGUAGE:CXX>:-Wno-subobject-linkage>)
endif()

function(sluice_add_precompiled set)
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/precompiled.cpp CONTENT "")
  add_library(sluice_precompiled_${set} OBJECT ${CMAKE_BINARY_DIR}/precompiled.cpp)
  target_include_directories(sluice_precompiled_${set} PRIVATE ${CMAKE_SOURCE_DIR}/sdk/include)
  target_link_libraries(sluice_precompiled_${set} PRIVATE sluice_build)
  target_precompile_headers(sluice_precompiled_${set} PRIVATE ${ARGN})
endfunction()

set(standard <algorithm> <array> <atomic> <charconv> <chrono> <cmath> <cstdint> <cstdio> <cstdlib>
  <cstring> <deque> <filesystem> <fstream> <functional> <map> <memory> <mutex> <optional> <set> <span>
  <stdexcept> <string> <string_view> <thread> <unordered_map> <utility> <vector>)
sluice_add_precompiled(base ${standard})
sluice_add_precompiled(plugin <sluice/stage.hpp>)  # small: for many small plugins
if(SLUICE_TESTS)
  sluice_add_precompiled(test ${standard} <doctest/doctest.h>)
  sluice_add_precompiled(plugin_test ${standard} <doctest/doctest.h> <sluice/testing.hpp>)
  foreach(set IN ITEMS test plugin_test)  # as a unit test is compiled: a program, not optimized
    set_target_properties(sluice_precompiled_${set} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(sluice_precompiled_${set} PRIVATE -fPIE -O0)
  endforeach()
endif()
