/* The name of an image as Docker takes it: [HOST[:PORT]/]PATH[:TAG][@DIGEST]. */
#ifndef CONTAINER_IMAGE_NAME_H
#define CONTAINER_IMAGE_NAME_H

/* What is wrong with it, static; NULL: nothing. */
const char *image_name_problem(const char *name);

#endif
