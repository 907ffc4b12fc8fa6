"""Other libraries' calls, answered by clip_rs: a script changes its import and nothing else.

===================================  ==========================================
in place of                          import
===================================  ==========================================
``import clip``                      ``import clip_rs.compat.openai as clip``
``import open_clip``                 ``import clip_rs.compat.open_clip as open_clip``
CLIP_benchmark's ``open_clip`` type  ``import clip_rs.compat.clip_benchmark``
===================================  ==========================================

Tensors of torch go in and come out where torch is installed, NumPy arrays where it is not.
Everything is computed on the CPU in float32, without gradients; what asks for more is refused in words.
"""
