# The command line.
berth_unit_test(cli_arguments cli)
berth_unit_test(cli_chart cli)
berth_unit_test(cli_latencies cli)
berth_unit_test(cli_load_answer cli)
berth_unit_test(cli_registry_entry cli)
berth_unit_test(cli_top cli)
berth_unit_test(cli_when cli)

berth_fuzz_target(load_answer cli)
berth_fuzz_target(registry_entry cli)
