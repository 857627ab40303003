foreach(module runner_http runner_instance runner_process)
    berth_unit_test(${module} berth_runner_test Threads::Threads)
    target_include_directories(unit_${module} PRIVATE ${PROJECT_SOURCE_DIR}/sdk/runner)
endforeach()

berth_unit_test(language berth_language_test base)
berth_unit_test(language_finding berth_language_test)
foreach(module language language_finding)
    target_include_directories(unit_${module} PRIVATE ${PROJECT_SOURCE_DIR}/sdk/language)
endforeach()
berth_fuzz_target(language_finding berth_language_test)
if(TARGET fuzz_language_finding)
    target_include_directories(fuzz_language_finding PRIVATE ${PROJECT_SOURCE_DIR}/sdk/language)
endif()

# The installed SDK alone is enough for plugins and runners outside the tree.
add_test(NAME sdk_installed
         COMMAND ${CMAKE_COMMAND} -DBUILD=${CMAKE_BINARY_DIR} -DINTO=${CMAKE_BINARY_DIR}/tests/installed
                 -P ${CMAKE_SOURCE_DIR}/tests/peers/build.cmake)

# The example of the plugin guide.
add_test(NAME plugin_guide
         COMMAND /usr/bin/python3 -B -m pytest -q -p no:cacheprovider ${CMAKE_SOURCE_DIR}/tests/runner/test_plugin_guide.py)
set_tests_properties(plugin_guide PROPERTIES ENVIRONMENT "BERTH_BUILD_DIR=${CMAKE_BINARY_DIR}")
