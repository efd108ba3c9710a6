"""References of the parts a sampler is made of: `unmask.cite(sampler)`."""

from typing import Any

from unmask.sampling.recipes import as_sampler

REFERENCES = {
    "li_cai": "Li & Cai, Breaking AR's Sampling Bottleneck: Provable Acceleration via Diffusion Language Models, "
    "NeurIPS 2025, arXiv 2505.21400",
    "first_hitting": "Zheng et al., Masked Diffusion Models are Secretly Time-Agnostic Masked Models and Exploit "
    "Inaccurate Categorical Sampling, ICLR 2025, arXiv 2409.02908",
    "mdlm": "Sahoo et al., Simple and Effective Masked Diffusion Language Models, NeurIPS 2024, arXiv 2406.07524",
    "maskgit": "Chang et al., MaskGIT: Masked Generative Image Transformer, CVPR 2022, arXiv 2202.04200",
    "moment": "Hayakawa et al., Demystifying MaskGIT Sampler and Beyond: Adaptive Order Selection in Masked Diffusion, "
    "arXiv 2510.04525",
    "llada": "Nie et al., Large Language Diffusion Models, arXiv 2502.09992",
    "dream": "Ye et al., Dream 7B: Diffusion Large Language Models, arXiv 2508.15487",
    "margin": "Kim et al., Train for the Worst, Plan for the Best: Understanding Token Ordering in Masked Diffusions, "
    "ICML 2025, arXiv 2502.06768",
    "fast_dllm": "Wu et al., Fast-dLLM: Training-free Acceleration of Diffusion LLM by Enabling KV Cache and Parallel "
    "Decoding, arXiv 2505.22618",
    "entropy_bound": "Ben-Hamu et al., Accelerated Sampling from Masked Diffusion Models via Entropy Bounded "
    "Unmasking, NeurIPS 2025, arXiv 2505.24857",
    "entropy_sum": "Cai & Li, Confidence-Based Decoding is Provably Efficient for Diffusion Language Models, "
    "arXiv 2603.22248",
    "dilated": "Luxembourg et al., Plan for Speed: Dilated Scheduling for Masked Diffusion Language Models, "
    "arXiv 2506.19037",
    "klass": "Kim et al., KLASS: KL-Guided Fast Inference in Masked Diffusion Models, NeurIPS 2025, arXiv 2511.05664",
    "credit": "Wang et al., CreditDecoding: Accelerating Parallel Decoding in Diffusion Large Language Models with "
    "Trace Credits, arXiv 2510.06133",
    "punt": "Azangulov et al., Parallel Sampling from Masked Diffusion Models via Conditional Independence Testing, "
    "arXiv 2510.21961",
    "wino": "Hong et al., Wide-In, Narrow-Out: Revokable Decoding for Efficient and Effective DLLMs, arXiv 2507.18578",
    "prophet": "Li et al., Diffusion Language Models Know the Answer Before Decoding, arXiv 2508.19982",
    "remdm": "Wang et al., Remasking Discrete Diffusion Models with Inference-Time Scaling, NeurIPS 2025, "
    "arXiv 2503.00307",
    "p2": "Peng et al., Path Planning for Masked Diffusion Model Sampling, arXiv 2502.03540",
    "rcr": "He et al., MDPO: Overcoming the Training-Inference Divide of Masked Diffusion Language Models, "
    "arXiv 2508.13148",
    "edit": "Bie et al., LLaDA2.1: Speeding Up Text Diffusion via Token Editing, arXiv 2602.08676",
    "renoise": "DiffusionGemma (Google, 2026), the sampler of its public implementations; its acceptance is the "
    "entropy bound of arXiv 2505.24857",
}
"""Key -> reference. A part names its key in `source`; adding a rule adds its line here."""


def cite(sampler: Any) -> str:
    """The references of exactly the parts this sampler (or plan) uses, one a line; empty when none has a paper."""
    sampler = as_sampler(sampler)
    keys = [sampler.source, *(key for part in sampler.parts for key in sources_of(part))]
    return "\n".join(REFERENCES[key] for key in dict.fromkeys(keys) if key)


def sources_of(part: Any) -> list[str]:
    """The keys of a part and of the parts it wraps."""
    inner = [getattr(part, name, None) for name in ("order", "selection")]
    inner += list(getattr(part, "parts", ()))
    found = [getattr(part, "source", "")] if part is not None else []
    return found + [key for wrapped in inner if wrapped is not None for key in sources_of(wrapped)]
