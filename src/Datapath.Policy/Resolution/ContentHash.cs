namespace Datapath.Policy.Resolution;

/// <summary>FNV-1a over 64 bits: the same on every machine and in every process, unlike <see cref="string.GetHashCode()"/>.</summary>
internal struct ContentHash()
{
    private const ulong Prime = 0x100000001b3;

    /// <summary>The hash of everything added so far.</summary>
    public ulong Value { get; private set; } = 0xcbf29ce484222325;

    public void Add(string text)
    {
        foreach (char one in text)
        {
            Value = (Value ^ one) * Prime;
        }
        Add(text.Length);
    }

    public void Add(int number) => Value = (Value ^ (uint)number) * Prime;
}
