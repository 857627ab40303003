# Makes the folders CONTEXTS/image, with the runner in it, and CONTEXTS/builder anew.
file(REMOVE_RECURSE ${CONTEXTS}/image ${CONTEXTS}/builder)
file(COPY ${SOURCE}/image ${SOURCE}/builder DESTINATION ${CONTEXTS})
file(COPY ${SOURCE}/runner DESTINATION ${CONTEXTS}/image FILES_MATCHING PATTERN "*.js")
