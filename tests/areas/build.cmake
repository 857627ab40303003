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
foreach(case described wrong-major newer-minor small tiny bad-name no-version no-callback null-entry hang constructor
        bad-option double-option taken-alias)
    string(TOUPPER CASE_${case} macro)
    string(REPLACE "-" "_" macro ${macro})
    berth_test_plugin(${case} described.c ${macro})
endforeach()

function(berth_build_test module)
    berth_unit_test(${module} build)
    add_dependencies(unit_${module} berth-build-job ${test_plugins})
    target_compile_definitions(unit_${module} PRIVATE TEST_PLUGIN_DIR="${test_plugin_dir}"
                               BUILD_JOB_PROGRAM="$<TARGET_FILE:berth-build-job>")
endfunction()

berth_build_test(build_job)
berth_build_test(plugins)
berth_unit_test(plugin_claims build)
berth_unit_test(build_result build)
berth_unit_test(tree build PkgConfig::ARCHIVE)
berth_unit_test(package_store build)
berth_unit_test(dependency_store build)
berth_unit_test(image_prune build)
berth_unit_test(runtime_image build)
berth_unit_test(dependency_install build)
berth_fuzz_target(build_result build)
