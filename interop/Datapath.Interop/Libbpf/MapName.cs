namespace Datapath.Interop.Libbpf;

/// <summary>A map of an object by its name and what is in it; generated, so that key and value cannot be confused.</summary>
/// <typeparam name="TKey">Its keys.</typeparam>
/// <typeparam name="TValue">Its values.</typeparam>
/// <param name="Name">In C.</param>
public sealed record MapName<TKey, TValue>(string Name)
    where TKey : unmanaged
    where TValue : unmanaged;
