namespace Datapath.Bindgen.Model;

/// <summary>A named number: an enumerator, or a macro that stands for one literal.</summary>
/// <param name="Name">In C.</param>
/// <param name="Value">Its value.</param>
internal sealed record CConstant(string Name, long Value);
