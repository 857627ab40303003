berth_unit_test(autoscaler fleet)
