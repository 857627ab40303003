# What functions can reach: the text of the rules. What the kernel makes of them is tested end to end.
berth_unit_test(reach_rules firewall)
