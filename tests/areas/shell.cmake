# The shell runner as a process, with the preset's sanitizer.
if(TARGET shell_runner_test)
    set_target_properties(shell_runner_test PROPERTIES EXCLUDE_FROM_ALL OFF)
    add_test(NAME shell_runner
             COMMAND /usr/bin/python3 -B -m pytest -q -p no:cacheprovider ${CMAKE_SOURCE_DIR}/tests/runner/test_shell_runner.py)
    set_tests_properties(shell_runner PROPERTIES ENVIRONMENT "SHELL_RUNNER=$<TARGET_FILE:shell_runner_test>")

    berth_unit_test(shell_cgi_output berth_runner_test)
    target_sources(unit_shell_cgi_output PRIVATE ${CMAKE_SOURCE_DIR}/plugins/shell/runner/cgi_output.c)
    target_include_directories(unit_shell_cgi_output PRIVATE ${CMAKE_SOURCE_DIR}/plugins/shell/runner)

    berth_unit_test(shell_plugin plugin_shell_objects)

    berth_fuzz_target(cgi_output berth_runner_test)
    if(TARGET fuzz_cgi_output)
        target_sources(fuzz_cgi_output PRIVATE ${CMAKE_SOURCE_DIR}/plugins/shell/runner/cgi_output.c)
        target_include_directories(fuzz_cgi_output PRIVATE ${CMAKE_SOURCE_DIR}/plugins/shell/runner)
    endif()
endif()
