# Makes CONTEXT anew: image/ with the runner in it, its C module ACCELERATOR included, and nothing that a test run left
# behind.
file(REMOVE_RECURSE ${CONTEXT})
file(COPY ${SOURCE}/image/ DESTINATION ${CONTEXT})
file(COPY ${SOURCE}/runner DESTINATION ${CONTEXT} FILES_MATCHING PATTERN "*.py" PATTERN "__pycache__" EXCLUDE)
file(COPY ${ACCELERATOR} DESTINATION ${CONTEXT}/runner/berth_runner)
