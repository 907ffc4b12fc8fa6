"""What open_clip's names stand for: architectures, and the repositories that hold weights of each tag.

Of open_clip 3.3's list those with CLIP's own two towers, tokenizer and recipe of pixels.
"""

from __future__ import annotations

from typing import NamedTuple


class Weights(NamedTuple):
    """Weights of one training run."""

    repository: str
    """On Hugging Face, ``owner/name``."""
    quick_gelu: bool = False
    """Whether they were trained with QuickGELU."""


class Architecture(NamedTuple):
    """An architecture and its published weights."""

    embed_dim: int
    image_size: int
    patch: int | None
    """None of a ResNet."""
    width: int
    """Of the image tower."""
    weights: dict[str, Weights]
    """By tag."""


QUICKGELU = "-quickgelu"
# In the order of open_clip's list.
ARCHITECTURES: dict[str, Architecture] = {
    "RN50": Architecture(1024, 224, None, 64, {
        "openai": Weights("timm/resnet50_clip.openai", quick_gelu=True),
        "yfcc15m": Weights("timm/resnet50_clip.yfcc15m", quick_gelu=True),
        "cc12m": Weights("timm/resnet50_clip.cc12m", quick_gelu=True),
    }),
    "RN101": Architecture(512, 224, None, 64, {
        "openai": Weights("timm/resnet101_clip.openai", quick_gelu=True),
        "yfcc15m": Weights("timm/resnet101_clip.yfcc15m", quick_gelu=True),
    }),
    "RN50x4": Architecture(640, 288, None, 80, {
        "openai": Weights("timm/resnet50x4_clip.openai", quick_gelu=True),
    }),
    "RN50x16": Architecture(768, 384, None, 96, {
        "openai": Weights("timm/resnet50x16_clip.openai", quick_gelu=True),
    }),
    "RN50x64": Architecture(1024, 448, None, 128, {
        "openai": Weights("timm/resnet50x64_clip.openai", quick_gelu=True),
    }),
    "ViT-B-32": Architecture(512, 224, 32, 768, {
        "openai": Weights("timm/vit_base_patch32_clip_224.openai", quick_gelu=True),
        "laion400m_e31": Weights("timm/vit_base_patch32_clip_224.laion400m_e31", quick_gelu=True),
        "laion400m_e32": Weights("timm/vit_base_patch32_clip_224.laion400m_e32", quick_gelu=True),
        "laion2b_e16": Weights("timm/vit_base_patch32_clip_224.laion2b_e16"),
        "laion2b_s34b_b79k": Weights("laion/CLIP-ViT-B-32-laion2B-s34B-b79K"),
        "datacomp_xl_s13b_b90k": Weights("laion/CLIP-ViT-B-32-DataComp.XL-s13B-b90K"),
        "datacomp_m_s128m_b4k": Weights("laion/CLIP-ViT-B-32-DataComp.M-s128M-b4K"),
        "commonpool_m_clip_s128m_b4k": Weights("laion/CLIP-ViT-B-32-CommonPool.M.clip-s128M-b4K"),
        "commonpool_m_laion_s128m_b4k": Weights("laion/CLIP-ViT-B-32-CommonPool.M.laion-s128M-b4K"),
        "commonpool_m_image_s128m_b4k": Weights("laion/CLIP-ViT-B-32-CommonPool.M.image-s128M-b4K"),
        "commonpool_m_text_s128m_b4k": Weights("laion/CLIP-ViT-B-32-CommonPool.M.text-s128M-b4K"),
        "commonpool_m_basic_s128m_b4k": Weights("laion/CLIP-ViT-B-32-CommonPool.M.basic-s128M-b4K"),
        "commonpool_m_s128m_b4k": Weights("laion/CLIP-ViT-B-32-CommonPool.M-s128M-b4K"),
        "datacomp_s_s13m_b4k": Weights("laion/CLIP-ViT-B-32-DataComp.S-s13M-b4K"),
        "commonpool_s_clip_s13m_b4k": Weights("laion/CLIP-ViT-B-32-CommonPool.S.clip-s13M-b4K"),
        "commonpool_s_laion_s13m_b4k": Weights("laion/CLIP-ViT-B-32-CommonPool.S.laion-s13M-b4K"),
        "commonpool_s_image_s13m_b4k": Weights("laion/CLIP-ViT-B-32-CommonPool.S.image-s13M-b4K"),
        "commonpool_s_text_s13m_b4k": Weights("laion/CLIP-ViT-B-32-CommonPool.S.text-s13M-b4K"),
        "commonpool_s_basic_s13m_b4k": Weights("laion/CLIP-ViT-B-32-CommonPool.S.basic-s13M-b4K"),
        "commonpool_s_s13m_b4k": Weights("laion/CLIP-ViT-B-32-CommonPool.S-s13M-b4K"),
        "metaclip_400m": Weights("timm/vit_base_patch32_clip_224.metaclip_400m", quick_gelu=True),
        "metaclip_fullcc": Weights("timm/vit_base_patch32_clip_224.metaclip_2pt5b", quick_gelu=True),
    }),
    "ViT-B-32-256": Architecture(512, 256, 32, 768, {
        "datacomp_s34b_b86k": Weights("laion/CLIP-ViT-B-32-256x256-DataComp-s34B-b86K"),
    }),
    "ViT-B-16": Architecture(512, 224, 16, 768, {
        "openai": Weights("timm/vit_base_patch16_clip_224.openai", quick_gelu=True),
        "laion400m_e31": Weights("timm/vit_base_patch16_clip_224.laion400m_e31"),
        "laion400m_e32": Weights("timm/vit_base_patch16_clip_224.laion400m_e32"),
        "laion2b_s34b_b88k": Weights("laion/CLIP-ViT-B-16-laion2B-s34B-b88K"),
        "datacomp_xl_s13b_b90k": Weights("laion/CLIP-ViT-B-16-DataComp.XL-s13B-b90K"),
        "datacomp_l_s1b_b8k": Weights("laion/CLIP-ViT-B-16-DataComp.L-s1B-b8K"),
        "commonpool_l_clip_s1b_b8k": Weights("laion/CLIP-ViT-B-16-CommonPool.L.clip-s1B-b8K"),
        "commonpool_l_laion_s1b_b8k": Weights("laion/CLIP-ViT-B-16-CommonPool.L.laion-s1B-b8K"),
        "commonpool_l_image_s1b_b8k": Weights("laion/CLIP-ViT-B-16-CommonPool.L.image-s1B-b8K"),
        "commonpool_l_text_s1b_b8k": Weights("laion/CLIP-ViT-B-16-CommonPool.L.text-s1B-b8K"),
        "commonpool_l_basic_s1b_b8k": Weights("laion/CLIP-ViT-B-16-CommonPool.L.basic-s1B-b8K"),
        "commonpool_l_s1b_b8k": Weights("laion/CLIP-ViT-B-16-CommonPool.L-s1B-b8K"),
        "dfn2b": Weights("apple/DFN2B-CLIP-ViT-B-16", quick_gelu=True),
        "metaclip_400m": Weights("timm/vit_base_patch16_clip_224.metaclip_400m", quick_gelu=True),
        "metaclip_fullcc": Weights("timm/vit_base_patch16_clip_224.metaclip_2pt5b", quick_gelu=True),
    }),
    "ViT-B-16-plus-240": Architecture(640, 240, 16, 896, {
        "laion400m_e31": Weights("timm/vit_base_patch16_plus_clip_240.laion400m_e31"),
        "laion400m_e32": Weights("timm/vit_base_patch16_plus_clip_240.laion400m_e31"),
    }),
    "ViT-L-14": Architecture(768, 224, 14, 1024, {
        "openai": Weights("timm/vit_large_patch14_clip_224.openai", quick_gelu=True),
        "laion400m_e31": Weights("timm/vit_large_patch14_clip_224.laion400m_e31"),
        "laion400m_e32": Weights("timm/vit_large_patch14_clip_224.laion400m_e32"),
        "datacomp_xl_s13b_b90k": Weights("laion/CLIP-ViT-L-14-DataComp.XL-s13B-b90K"),
        "commonpool_xl_clip_s13b_b90k": Weights("laion/CLIP-ViT-L-14-CommonPool.XL.clip-s13B-b90K"),
        "commonpool_xl_laion_s13b_b90k": Weights("laion/CLIP-ViT-L-14-CommonPool.XL.laion-s13B-b90K"),
        "commonpool_xl_s13b_b90k": Weights("laion/CLIP-ViT-L-14-CommonPool.XL-s13B-b90K"),
        "metaclip_400m": Weights("timm/vit_large_patch14_clip_224.metaclip_400m", quick_gelu=True),
        "metaclip_fullcc": Weights("timm/vit_large_patch14_clip_224.metaclip_2pt5b", quick_gelu=True),
        "dfn2b": Weights("apple/DFN2B-CLIP-ViT-L-14", quick_gelu=True),
        "dfn2b_s39b": Weights("apple/DFN2B-CLIP-ViT-L-14-39B"),
    }),
    "ViT-L-14-336": Architecture(768, 336, 14, 1024, {
        "openai": Weights("timm/vit_large_patch14_clip_336.openai", quick_gelu=True),
    }),
    "ViT-H-14": Architecture(1024, 224, 14, 1280, {
        "laion2b_s32b_b79k": Weights("laion/CLIP-ViT-H-14-laion2B-s32B-b79K"),
        "metaclip_fullcc": Weights("timm/vit_huge_patch14_clip_224.metaclip_2pt5b", quick_gelu=True),
        "metaclip_altogether": Weights("timm/vit_huge_patch14_clip_224.metaclip_altogether"),
    }),
    "ViT-g-14": Architecture(1024, 224, 14, 1408, {
        "laion2b_s12b_b42k": Weights("laion/CLIP-ViT-g-14-laion2B-s12B-b42K"),
        "laion2b_s34b_b88k": Weights("laion/CLIP-ViT-g-14-laion2B-s34B-b88K"),
    }),
    "ViT-bigG-14": Architecture(1280, 224, 14, 1664, {
        "laion2b_s39b_b160k": Weights("laion/CLIP-ViT-bigG-14-laion2B-39B-b160k"),
        "metaclip_fullcc": Weights("timm/vit_gigantic_patch14_clip_224.metaclip_2pt5b", quick_gelu=True),
    }),
}


def split_name(model_name: str) -> tuple[str, bool]:
    """The architecture's name, and whether the name asks for QuickGELU."""
    name = model_name.replace("/", "-")
    return name.removesuffix(QUICKGELU), name.endswith(QUICKGELU)


def weights_of(model_name: str, tag: str) -> Weights | None:
    """The weights of a tag; none where the name has no such tag."""
    name, quick_gelu = split_name(model_name)
    architecture = ARCHITECTURES.get(name)
    weights = architecture and architecture.weights.get(tag.lower().replace("-", "_"))
    return None if not weights or (quick_gelu and not weights.quick_gelu) else weights


def pairs() -> list[tuple[str, str]]:
    """Every name with each of its tags; names with ``-quickgelu`` last."""
    plain = [(name, tag) for name, known in ARCHITECTURES.items() for tag in known.weights]
    return plain + [
        (name + QUICKGELU, tag)
        for name, known in ARCHITECTURES.items()
        for tag, weights in known.weights.items()
        if weights.quick_gelu
    ]
