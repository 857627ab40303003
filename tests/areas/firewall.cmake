# What functions can reach: the text of the rules. What the kernel makes of them is tested end to end.
berth_unit_test(reach_rules firewall)
berth_unit_test(limit_rules firewall)
# Names that functions ask for: what comes from them, and what is let through for how long.
berth_unit_test(dns_message firewall)
berth_fuzz_target(dns_message firewall)
berth_unit_test(known_names firewall)
