berth_unit_test(diagnostic config)
berth_unit_test(yaml_tree config)
berth_unit_test(setting config)
berth_unit_test(function_roots config)
berth_unit_test(function_secrets config)
berth_unit_test(registry config)
berth_fuzz_target(registry config)
# The page of all settings is what registry_describe() prints; the test compares them.
target_compile_definitions(unit_registry PRIVATE SETTINGS_PAGE="${CMAKE_SOURCE_DIR}/docs/settings.md")
