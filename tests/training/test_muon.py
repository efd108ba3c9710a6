import pytest
import torch

from unmask.training.muon import Muon, orthogonalised


def test_singular_values_come_near_1_and_vectors_are_kept():
    matrices = torch.randn(3, 40, 24, generator=torch.Generator().manual_seed(0))
    u, _, vh = torch.linalg.svd(matrices, full_matrices=False)
    back = u.mT @ orthogonalised(matrices) @ vh.mT  # diagonal when the singular vectors are the same
    diagonal = back.diagonal(dim1=1, dim2=2)
    assert ((diagonal > 0.5) & (diagonal < 1.35)).all()
    assert (back - torch.diag_embed(diagonal)).abs().max() < 1e-4


@pytest.mark.parametrize("shape", [(32, 32), (48, 16), (16, 48)])
def test_updates_are_those_of_torch_muon_up_to_its_rounding(shape):
    generator = torch.Generator().manual_seed(1)
    start = [torch.randn(shape, generator=generator) for _ in range(3)]
    ours = [torch.nn.Parameter(one.clone()) for one in start]
    theirs = [torch.nn.Parameter(one.clone()) for one in start]
    mine = Muon(ours, lr=0.01, weight_decay=0.1)
    reference = torch.optim.Muon(theirs, lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    for _ in range(4):
        for one, other in zip(ours, theirs, strict=True):
            one.grad = torch.randn(shape, generator=generator)
            other.grad = one.grad.clone()
        mine.step()
        reference.step()
    for one, other, begun in zip(ours, theirs, start, strict=True):
        moved = (other - begun).norm()
        assert (one - other).norm() < 0.02 * moved  # bfloat16 has three digits
    for one, other in zip(ours, theirs, strict=True):
        assert torch.allclose(mine.state[one]["momentum_buffer"], reference.state[other]["momentum_buffer"])
