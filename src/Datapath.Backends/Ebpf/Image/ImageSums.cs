namespace Datapath.Backends.Ebpf.Image;

/// <summary>Sums over what the parts of an image say, wherever in memory they are: a part that is taken over brings its sum.</summary>
/// <param name="Addresses">Which address has which leaf.</param>
/// <param name="Ports">Which port has which class.</param>
/// <param name="Matrix">Rows, who has them, and what their cells stand for.</param>
internal readonly record struct ImageSums(ulong Addresses, ulong Ports, ulong Matrix)
{
    /// <summary>The sum over all of it.</summary>
    public ulong Whole => ContentSum.Mix(ContentSum.Mix(ContentSum.Mix(Addresses) ^ Ports) ^ Matrix);
}
