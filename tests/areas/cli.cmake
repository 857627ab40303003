# The command line.
berth_unit_test(cli_arguments cli)
berth_unit_test(cli_registry_entry cli)
berth_unit_test(cli_when cli)

berth_fuzz_target(registry_entry cli)
