#ifndef BASE_CONTAINER_OF_H
#define BASE_CONTAINER_OF_H

#include <stddef.h>

/* The structure of this type that `pointer` is the member of. */
#define container_of(pointer, type, member)                                                                  \
    ({                                                                                                       \
        __typeof__(((type *)0)->member) *member_ = (pointer);                                                \
        (type *)((char *)member_ - offsetof(type, member));                                                  \
    })

#endif
