# What the container plugin reads: Dockerfiles, names of images, commands.
if(TARGET plugin_container_objects)
    berth_unit_test(container_plugin plugin_container_objects)
    berth_fuzz_target(command_words plugin_container_objects)
    berth_fuzz_target(dockerfile plugin_container_objects)
    berth_fuzz_target(image_name plugin_container_objects)
endif()
