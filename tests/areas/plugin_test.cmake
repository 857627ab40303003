# The test of plugins; what it says of them is in tests/e2e.
berth_unit_test(elf_exports plugin_test)
berth_unit_test(findings plugin_test)

berth_fuzz_target(elf_exports plugin_test)
