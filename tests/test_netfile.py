"""Networks in files: what is written is what is read, PyTorch can load it, and hostile files are told in a line."""

import io
import zipfile

import numpy as np
import pytest

from convcli import netfile, network
from convcli.errors import FilterError


def arrays_of(net) -> dict:
    """What a file of the network holds."""
    with np.load(io.BytesIO(netfile.encode(net)), allow_pickle=False) as archive:
        return dict(archive)


def saved(path, arrays: dict, **options):
    np.savez(path, **arrays, **options)
    return path


@pytest.fixture
def net():
    return network.new(("drei", "sieben\n", "ß"), (28, 30), np.random.default_rng(1))


def test_what_is_written_is_read_again(net, tmp_path):
    path = tmp_path / "net.npz"
    path.write_bytes(netfile.encode(net))
    again = netfile.read(path)
    assert (again.classes, again.size, again.mean, again.std) == (net.classes, net.size, net.mean, net.std)
    assert all((one == other).all() for one, other in zip(net.parameters, again.parameters, strict=True))
    assert netfile.encode(again) == path.read_bytes()
    assert (netfile.bank(path) == net.weights[0]).all()
    assert (netfile.bank(path, 4) == net.weights[3]).all()


def test_torch_takes_the_parameters_by_their_names(net):
    torch = pytest.importorskip("torch")
    layers = []
    for w in net.weights:
        layers += [torch.nn.Conv2d(w.shape[1], len(w), 3, stride=2, padding=1), torch.nn.ReLU()]
    theirs = torch.nn.Sequential(*layers[:-1])
    state = {key: torch.tensor(array) for key, array in arrays_of(net).items() if key[0].isdigit()}
    theirs.load_state_dict(state)
    x = np.random.default_rng(2).normal(0, 1, (3, 28, 28)).astype("f4")
    seen = theirs(torch.tensor(x)[:, None]).detach().numpy()[:, :, 0, 0]
    np.testing.assert_allclose(network.scores(net, x.transpose(1, 2, 0)[None].copy()), seen, atol=1e-5)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("classes", np.array(["3", object()], object), "classes: is not a NumPy array of plain numbers"),
        ("classes", np.array(["3", "3", "7"]), "two classes have one name"),
        ("classes", np.array(["3", "7"]), "2 classes do not go with 3 scores"),
        ("classes", np.array([3.0, 7.0, 8.0]), "classes is an array of float64 of shape (3,), wanted a list of words"),
        ("size", np.array([28, 0]), "pictures of 28x0 are no size"),
        ("std", np.float64(0), "std is 0, wanted more than 0"),
        ("mean", np.float64("nan"), "mean holds numbers that are not finite"),
        ("architecture", np.array(["conv 4 k5"]), "its architecture is not the one of its weights"),
        ("4.weight", np.ones((16, 7, 3, 3)), "weights of shape (16, 7, 3, 3) stand where (maps, 8, 3, 3) are wanted"),
        ("4.weight", np.ones((16, 8, 5, 5)), "weights of shape (16, 8, 5, 5) stand where (maps, 8, 3, 3) are wanted"),
        ("4.weight", np.full((16, 8, 3, 3), 1e300), "4.weight holds numbers that are not finite"),
        ("2.bias", np.ones(3), "2.bias is an array of float64 of shape (3,), which is not what belongs there"),
        ("2.bias", None, "is no network that convcli learned (2.bias is missing)"),
        ("classes", None, "is no network that convcli learned (classes is missing)"),
    ],
)
def test_parts_that_do_not_fit_are_refused(net, tmp_path, key, value, said):
    arrays = arrays_of(net) | {key: value}
    path = saved(tmp_path / "net.npz", {key: array for key, array in arrays.items() if array is not None})
    with pytest.raises(FilterError) as caught:
        netfile.read(path)
    assert str(caught.value) == f"{path}: {said}"


def test_files_that_are_no_archives_are_refused(net, tmp_path):
    whole, path = netfile.encode(net), tmp_path / "net.npz"
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    for data in (b"", b"PK\3\4", b"\x80\4}.", whole[:-30], whole[: len(whole) // 2], bytes(flipped)):
        path.write_bytes(data)
        with pytest.raises(FilterError, match=r"is no network, or damaged \(convcli learn --classes writes one\)$"):
            netfile.read(path)
    with pytest.raises(FilterError, match="no such file"):
        netfile.read(tmp_path / "none.npz")
    with pytest.raises(FilterError, match="is a folder"):
        netfile.read(tmp_path)


def test_every_flipped_byte_is_told_or_harmless(net, tmp_path):
    """Whatever a byte is changed to, the answer is a network or a FilterError."""
    whole, path, refused = netfile.encode(net), tmp_path / "net.npz", 0
    rng = np.random.default_rng(5)
    ends = np.r_[0:200, len(whole) - 900 : len(whole)]
    for place in rng.permutation(np.r_[ends, rng.integers(0, len(whole), 300)])[:500]:
        data = bytearray(whole)
        data[place] = rng.integers(256)
        path.write_bytes(data)
        try:
            netfile.read(path)
        except FilterError:
            refused += 1
    assert refused > 100


def test_bombs_are_not_unpacked(net, tmp_path):
    path = tmp_path / "net.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0.weight.npy", bytes(70_000_000))
    assert path.stat().st_size < 100_000
    with pytest.raises(FilterError, match="is too large for a network"):
        netfile.read(path)
    data = bytearray(path.read_bytes())
    for at in (data.find(b"PK\3\4") + 22, data.find(b"PK\1\2") + 24):  # both say now that it holds 100 bytes
        data[at : at + 4] = (100).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(FilterError):
        netfile.read(path)
    with zipfile.ZipFile(path, "w") as archive:
        for n in range(300):
            archive.writestr(f"{n}.npy", b"")
    with pytest.raises(FilterError, match="is too large for a network"):
        netfile.read(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("0.weight.npy", bytes(1000))
    with pytest.raises(FilterError, match="is no network, or damaged"):
        netfile.read(path)


def test_a_layer_is_a_filter(net, tmp_path):
    from convcli import library

    path = tmp_path / "net.npz"
    path.write_bytes(netfile.encode(net))
    for words, layer in (("", 0), (":2", 1), (":layer=5", 4)):
        kernel = library.parse(f"{path}{words}")[0].filter.kernel
        assert (kernel.matrix == net.weights[layer]).all()
    for words, said in {
        ":6": f"{path}: has no layer 6 (it has 1 to 5)",
        ":0": "layer: 0 is too small (at least 1)",
        ":sigma=2": f"{path}: a network takes no sigma (layer=2 is its second)",
    }.items():
        with pytest.raises(Exception) as caught:
            library.parse(f"{path}{words}")
        assert str(caught.value) == said


def test_weights_of_others_are_filters_too(tmp_path):
    path = saved(tmp_path / "theirs.npz", {"3.weight": np.ones((2, 3, 5, 4)), "10.weight": np.ones((2, 2, 1, 1))})
    assert netfile.bank(path).shape == (2, 3, 5, 4)
    assert netfile.bank(path, 2).shape == (2, 2, 1, 1)
