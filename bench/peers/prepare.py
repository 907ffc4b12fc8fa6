"""What the peers load, made once from one checkpoint.

    python -m peers.prepare WEIGHTS FOLDER --photos DIR --captions FILE [--int8] [--text]

FOLDER gets the weights (a link) and, in Hugging Face's names, `hf.safetensors`; `pixels.npy` and `tokens.npy` with the
features PyTorch gives for them in f32; ONNX and OpenVINO graphs of the towers; `tokenizer.json`; with `--int8` ONNX Runtime's
dynamic and NNCF's calibrated int8 version of the image tower.
"""
import argparse
import pathlib
import re

import numpy as np

from peers import towers

PHOTOS = 32
# OpenAI's names to Hugging Face's, in this order.
RENAMED = [
    (r"^visual\.class_embedding", "vision_model.embeddings.class_embedding"),
    (r"^visual\.positional_embedding", "vision_model.embeddings.position_embedding.weight"),
    (r"^visual\.conv1\.", "vision_model.embeddings.patch_embedding."),
    (r"^visual\.ln_pre\.", "vision_model.pre_layrnorm."),
    (r"^visual\.ln_post\.", "vision_model.post_layernorm."),
    (r"^visual\.proj$", "visual_projection.weight"),
    (r"^visual\.transformer\.resblocks\.", "vision_model.encoder.layers."),
    (r"^transformer\.resblocks\.", "text_model.encoder.layers."),
    (r"^token_embedding\.", "text_model.embeddings.token_embedding."),
    (r"^positional_embedding", "text_model.embeddings.position_embedding.weight"),
    (r"^ln_final\.", "text_model.final_layer_norm."),
    (r"^text_projection$", "text_projection.weight"),
    (r"\.attn\.out_proj\.", ".self_attn.out_proj."),
    (r"\.attn\.in_proj_", ".self_attn.in_proj."),
    (r"\.ln_([12])\.", r".layer_norm\1."),
    (r"\.mlp\.c_fc\.", ".mlp.fc1."),
    (r"\.mlp\.c_proj\.", ".mlp.fc2."),
]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("weights", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--photos", type=pathlib.Path, required=True)
    parser.add_argument("--captions", type=pathlib.Path, required=True)
    parser.add_argument("--int8", action="store_true")
    parser.add_argument("--text", action="store_true")
    options = parser.parse_args()
    folder = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "weights").unlink(missing_ok=True)
    (folder / "weights").symlink_to(options.weights.resolve())
    model = towers.reference(folder)
    tokenizer_json(folder, options.captions)
    if hasattr(model.visual, "proj"):
        hugging_face(folder)
    image_inputs(model, folder, options.photos)
    export(model, "image", folder)
    if options.int8:
        dynamic_int8(folder)
        calibrated_int8(folder)
    if options.text:
        np.save(folder / "tokens.npy", towers.tokenize(options.captions.read_text("utf-8").splitlines()[:PHOTOS]))
        export(model, "text", folder)
    (folder / "prepared").touch()


def image_inputs(model, folder, photos):
    """Normalised pixels of photos taken from all over the folder, by the reference's transform."""
    import clip.clip
    from PIL import Image

    preprocess = clip.clip._transform(model.visual.input_resolution)
    files = sorted(path for path in photos.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    chosen = [files[place * len(files) // PHOTOS] for place in range(PHOTOS)]
    np.save(folder / "pixels.npy", np.stack([preprocess(Image.open(path)).numpy() for path in chosen]))


def export(model, which, folder):
    """The reference features, the ONNX graph, and OpenVINO's graphs: from PyTorch and from the ONNX graph."""
    import openvino as ov
    import torch

    module, example = towers.tower(model, which), torch.from_numpy(towers.inputs(folder, which))
    with torch.inference_mode():
        features = torch.cat([module(part) for part in example.split(8)])
    np.save(folder / f"{which}-reference.npy", features.numpy())
    axes = {0: torch.export.Dim("batch")}
    if which == "text":
        axes[1] = torch.export.Dim("length", min=2, max=towers.CONTEXT)
    torch.onnx.export(module, (example[:4],), folder / f"{which}.onnx", input_names=["input"], output_names=["features"],
                      dynamo=True, dynamic_shapes=(axes,), external_data=False, verbose=False)
    from_torch = ov.convert_model(module, example_input=example[:4])
    ov.save_model(from_torch, folder / f"{which}-torch.xml", compress_to_fp16=False)
    from_onnx = ov.Core().read_model(folder / f"{which}.onnx")
    ov.save_model(from_onnx, folder / f"{which}-onnx.xml", compress_to_fp16=False)


def dynamic_int8(folder):
    """ONNX Runtime's: weights per output channel, of 8 and of 7 bits."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    for name, reduced in (("int8", False), ("int8-7bit", True)):
        quantize_dynamic(folder / "image.onnx", folder / f"image-{name}.onnx", per_channel=True, reduce_range=reduced,
                         weight_type=QuantType.QInt8)


def calibrated_int8(folder):
    """NNCF's, for OpenVINO: calibrated on the prepared photos."""
    import nncf
    import openvino as ov

    photos = nncf.Dataset([photo[None] for photo in towers.inputs(folder, "image")])
    for source in ("torch", "onnx"):
        graph = ov.Core().read_model(folder / f"image-{source}.xml")
        calibrated = nncf.quantize(graph, photos, model_type=nncf.ModelType.TRANSFORMER, subset_size=PHOTOS)
        ov.save_model(calibrated, folder / f"image-{source}-int8.xml", compress_to_fp16=False)


def hugging_face(folder):
    """The same weights in the names that candle and faster-clip read."""
    from safetensors.torch import load_file, save_file

    renamed = {}
    for name, tensor in load_file(folder / "weights").items():
        for pattern, replacement in RENAMED:
            name = re.sub(pattern, replacement, name)
        if "in_proj." in name:
            for letter, part in zip("qkv", tensor.chunk(3)):
                renamed[name.replace("in_proj.", f"{letter}_proj.")] = part.clone()
        else:
            renamed[name] = tensor.T.contiguous() if name.endswith("_projection.weight") else tensor
    save_file(renamed, folder / "hf.safetensors")


def tokenizer_json(folder, captions):
    """CLIP's vocabulary for the `tokenizers` library, as Hugging Face converts it."""
    import clip.clip
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    vocabulary, ranks = clip.clip._tokenizer.encoder, clip.clip._tokenizer.bpe_ranks
    start, end = "<|startoftext|>", "<|endoftext|>"
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=sorted(ranks, key=ranks.get), unk_token=end,
                                     end_of_word_suffix="</w>", continuing_subword_prefix="", fuse_unk=False))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    words = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(words), behavior="removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}", special_tokens=[(start, vocabulary[start]), (end, vocabulary[end])])
    tokenizer.enable_truncation(towers.CONTEXT)
    tokenizer.save(str(folder / "tokenizer.json"))
    texts = captions.read_text("utf-8").splitlines()
    found = [text.ids for text in tokenizer.encode_batch(texts)]
    expected = [[int(token) for token in row if token] for row in towers.tokenize(texts)]
    differing = sum(a != b for a, b in zip(found, expected))
    print(f"tokenizer.json: {differing} of {len(texts)} captions differ from the reference")


if __name__ == "__main__":
    main()
