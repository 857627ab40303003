# Plugins made for the tests, in a folder of their own.
set(test_plugin_dir ${CMAKE_BINARY_DIR}/tests/plugins)
function(berth_test_plugin name source)
    add_library(test_plugin_${name} MODULE ${CMAKE_SOURCE_DIR}/tests/unit/plugins/${source})
    target_link_libraries(test_plugin_${name} PRIVATE berth_sdk)
    target_compile_definitions(test_plugin_${name} PRIVATE ${ARGN})
    set_target_properties(test_plugin_${name} PROPERTIES PREFIX "" OUTPUT_NAME ${name}
                          LIBRARY_OUTPUT_DIRECTORY ${test_plugin_dir})
    list(APPEND test_plugins test_plugin_${name})
    set(test_plugins ${test_plugins} PARENT_SCOPE)
endfunction()

berth_test_plugin(acting acting.c)
berth_test_plugin(no-entry no_entry.c)
berth_test_plugin(hostile ../../peers/bad/hostile.c)
foreach(case described wrong-major newer-minor small tiny bad-name no-version no-callback null-entry hang constructor
        bad-option double-option taken-alias)
    string(TOUPPER CASE_${case} macro)
    string(REPLACE "-" "_" macro ${macro})
    berth_test_plugin(${case} described.c ${macro})
endforeach()

# As an author has compiled it with the header of 1.0, which stays as it was.
set(frozen_header ${CMAKE_SOURCE_DIR}/tests/fixtures/abi-1.0)
add_library(oldest_plugin OBJECT ${CMAKE_SOURCE_DIR}/tests/unit/plugins/oldest.c)
target_include_directories(oldest_plugin PRIVATE ${frozen_header})
set_target_properties(oldest_plugin PROPERTIES POSITION_INDEPENDENT_CODE ON)
add_library(test_plugin_oldest MODULE $<TARGET_OBJECTS:oldest_plugin>)
set_target_properties(test_plugin_oldest PROPERTIES PREFIX "" OUTPUT_NAME oldest LIBRARY_OUTPUT_DIRECTORY ${test_plugin_dir}
                      LINKER_LANGUAGE C)
list(APPEND test_plugins test_plugin_oldest)

berth_unit_test(abi package_server base berth_sdk PkgConfig::JANSSON)
target_sources(unit_abi PRIVATE ${CMAKE_SOURCE_DIR}/host/prepare/job/abi.c ${CMAKE_SOURCE_DIR}/host/prepare/job/description.c
                                ${CMAKE_SOURCE_DIR}/host/prepare/job/plugin_text.c $<TARGET_OBJECTS:oldest_plugin>)

function(berth_prepare_test module)
    berth_unit_test(${module} prepare)
    add_dependencies(unit_${module} berth-build-job ${test_plugins})
    target_compile_definitions(unit_${module} PRIVATE TEST_PLUGIN_DIR="${test_plugin_dir}"
                               BUILD_JOB_PROGRAM="$<TARGET_FILE:berth-build-job>")
endfunction()

berth_prepare_test(build_job)
berth_prepare_test(job_confinement)
berth_prepare_test(plugins)
berth_unit_test(plugin_claims prepare)
berth_unit_test(build_result prepare)
berth_unit_test(cause_line prepare)
berth_unit_test(tree prepare PkgConfig::ARCHIVE)
berth_unit_test(package_store prepare)
berth_unit_test(dependency_store prepare)
berth_unit_test(image_prune prepare)
berth_unit_test(record_store prepare)
berth_unit_test(revision_store prepare)
berth_unit_test(kept_output prepare)
berth_unit_test(runtime_image prepare)
berth_unit_test(dependency_install prepare)
set_tests_properties(unit_build_job unit_dependency_install PROPERTIES COST 12)
berth_fuzz_target(build_result prepare)
berth_fuzz_target(package_requests package_server)
berth_fuzz_target(record prepare)
berth_fuzz_target(revision prepare)
berth_fuzz_target(shown_line prepare)
