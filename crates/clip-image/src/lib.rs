//! From the bytes of an image file to the pixels that CLIP's reference preprocessing gives, bit for bit.
