# sluice_add_test(name SOURCES file... [LIBRARIES target...] [LABELS label...] [DEFINITIONS x=y...])
#
# A doctest program, run by ctest. Labels: `unit` unless given; `sim` for virtual-time runs, `e2e`
# for the real binary. Does nothing without SLUICE_TESTS.
# Of several files each is in a namespace of its own name: they are compiled as one.
function(sluice_add_test name)
  if(NOT SLUICE_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBRARIES;LABELS;DEFINITIONS" ${ARGN})
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE sluice_test_main sluice_build ${ARG_LIBRARIES})
  target_compile_definitions(${name} PRIVATE ${ARG_DEFINITIONS})
  # Assertions take long to optimize, twice as long under a sanitizer, and run once. Simulations loop.
  if("unit" IN_LIST ARG_LABELS)
    target_compile_options(${name} PRIVATE -O0)
    # UBSan would double that, to look at the test's own code; what is tested has it.
    if(SLUICE_SANITIZE STREQUAL "address")
      target_compile_options(${name} PRIVATE -fno-sanitize=undefined)
    endif()
    if("sluice::testing" IN_LIST ARG_LIBRARIES)
      sluice_precompile(${name} plugin_test)
    else()
      sluice_precompile(${name} test)
    endif()
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT 900)
  if("sim" IN_LIST ARG_LABELS)
    set_tests_properties(${name} PROPERTIES COST 100)  # the longest begin first
  endif()
endfunction()

# Every subfolder of `dir` that has a CMakeLists.txt.
function(sluice_add_subfolders dir)
  file(GLOB lists CONFIGURE_DEPENDS RELATIVE ${dir} ${dir}/*/CMakeLists.txt)
  foreach(list IN LISTS lists)
    get_filename_component(folder ${list} DIRECTORY)
    add_subdirectory(${folder})
  endforeach()
endfunction()
