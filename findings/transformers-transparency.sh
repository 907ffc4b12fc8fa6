#!/usr/bin/env bash
# transformers 5.21 lays transparency on white; 5.20 dropped it. One configuration, other pixels, other features.
#
# CLIPImageProcessorPil with `do_convert_rgb` (its default) turned a picture with an alpha channel into RGB by leaving
# the alpha out, as CLIP's own preprocessing does. From 5.21.0 on the picture is laid on white first. Nothing in
# preprocessor_config.json says which is meant, so a folder of features made before and one made after the upgrade
# differ for every picture with transparency (logos, cut-outs, screenshots).
#
# Seen with Python 3.11, Pillow 13.0.0, NumPy 2.4.6, without PyTorch, on a pixel (10, 20, 30) of alpha 0:
#   transformers 5.20.0: 10 20 30
#   transformers 5.21.0: 255 255 255
#   transformers 5.23.0: 255 255 255
# clip-rs does the first, and the second with `--convert-first --transparency white` (docs/images.md).
#
# Runs without clip-rs. Needs python3 with venv and pip; works in a temporary folder; ends with 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
cat > "$folder/pixel.py" <<'PYTHON'
import numpy as np
from PIL import Image
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

picture = Image.new("RGBA", (224, 224), (10, 20, 30, 0))
processor = CLIPImageProcessorPil(do_normalize=False)
pixels = np.asarray(processor(images=picture, return_tensors="np")["pixel_values"])[0]
print(*(round(float(value) * 255) for value in pixels[:, 0, 0]))
PYTHON
status=0
while read -r version expected; do
  "$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    "transformers==$version" "pillow==13.0.0" "numpy==2.4.6"
  found=$("$folder/venv/bin/python" "$folder/pixel.py" 2>/dev/null)
  echo "transformers $version: $found"
  [ "$found" = "$expected" ] || { echo "  was: $expected"; status=1; }
done <<'VERSIONS'
5.20.0 10 20 30
5.21.0 255 255 255
5.23.0 255 255 255
VERSIONS
exit $status
