/* Replaced by the layer's first file. */
typedef int layer_is_empty;
