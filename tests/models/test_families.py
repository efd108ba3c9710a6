import subprocess
import sys

import pytest
import torch

from unmask.errors import InputError
from unmask.models import families
from unmask.models.families import FAMILIES, Query, by_name, find, noise_level, square_mask


@pytest.mark.parametrize(
    ("model_type", "name", "family"),
    [
        ("llada", "GSAI-ML/LLaDA-8B-Instruct", "llada"),
        ("Dream", "Dream-org/Dream-v0-Instruct-7B", "dream"),
        ("Dream", "apple/DiffuCoder-7B-Base", "dream"),
        ("sdar", "JetLM/SDAR-1.7B-Chat", "sdar"),
        ("Fast_dLLM_Qwen", "Efficient-Large-Model/Fast_dLLM_v2_1.5B", "fast-dllm-v2"),
        ("qwen2", "fredzzp/open-dcoder-0.5B", "open-dcoder"),
        ("a2d-qwen3", "dllm-hub/Qwen3-0.6B-diffusion-mdlm-v0.1", "a2d"),
        ("a2d-qwen3", "dllm-hub/Qwen3-0.6B-diffusion-bd3lm-v0.1", "a2d-bd3lm"),
        ("mdlm", "kuleshov-group/mdlm-owt", "mdlm"),
        ("bd3lm", "kuleshov-group/bd3lm-owt-block_size4", "bd3lm"),
        ("llada2_moe", "inclusionAI/LLaDA2.0-mini", "llada2"),
        ("esm", "airkingbd/dplm_150m", "esm"),
        ("diffusion_gemma", "google/diffusiongemma-26B-A4B-it", "uniform-state"),
    ],
)
def test_public_checkpoints_find_the_record_of_their_family(model_type, name, family):
    assert find(model_type, name).name == family


def test_an_ordinary_language_model_has_no_record():
    assert find("qwen2", "Qwen/Qwen2.5-0.5B") is None


def test_names_of_records_are_unique_and_find_them():
    names = [family.name for family in FAMILIES]
    assert len(set(names)) == len(names)
    assert all(by_name(name).name == name for name in names)
    with pytest.raises(InputError, match="family 'nosuch' is not known; choose from"):
        by_name("nosuch")


def test_block_families_do_not_use_the_plain_padding_mask():
    # It would let every position read every other, whatever the record says about blocks.
    for family in FAMILIES:
        assert (family.block_size is None) or family.arguments is not families.padding_mask, family.name


def test_a_square_mask_is_causal_between_blocks_and_full_inside_them():
    ids = torch.zeros(1, 6, dtype=torch.long)
    allowed = square_mask(Query(ids, ids.bool(), None, 2))["attention_mask"][0, 0]
    expected = [[column // 2 <= row // 2 for column in range(6)] for row in range(6)]
    assert allowed.tolist() == expected


def test_a_square_mask_after_stored_columns_is_the_lower_part_of_the_whole_one():
    ids = torch.zeros(1, 6, dtype=torch.long)
    whole = square_mask(Query(ids, ids.bool(), None, 4))["attention_mask"]
    rest = square_mask(Query(ids[:, 3:], ids[:, 3:].bool(), None, 4, start=3))["attention_mask"]
    assert torch.equal(rest, whole[:, :, 3:])


def test_no_column_of_a_square_mask_reads_padding_and_none_reads_nothing():
    ids = torch.zeros(2, 4, dtype=torch.long)
    attend = torch.tensor([[True, True, False, False], [True, True, True, True]])
    allowed = square_mask(Query(ids, ids.bool(), attend, None))["attention_mask"]
    assert not allowed[0, 0, :2, 2:].any()
    assert allowed.any(-1).all()


def test_the_noise_level_is_that_of_the_masked_fraction():
    masked = torch.tensor([[True] * 4, [True, False, False, False], [False] * 4])
    sigma = noise_level(Query(masked.long(), masked, None, None))["timesteps"]
    # Log-linear noise: a fraction t is masked at total noise sigma = -log(1 - (1 - 1e-3) t).
    torch.testing.assert_close(1 - torch.exp(-sigma), 0.999 * torch.tensor([1.0, 0.25, 0.0]))


def test_records_are_read_without_torch():
    code = "import sys, unmask.models.families; assert 'torch' not in sys.modules and 'transformers' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
