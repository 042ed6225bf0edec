using System.Collections.Immutable;

namespace Datapath.Bindgen.Model;

/// <summary>An enum.</summary>
/// <param name="Name">In C.</param>
/// <param name="Source">Where it is from.</param>
/// <param name="IsSigned">Whether C made its type a signed one, as it does when a value is negative.</param>
/// <param name="SizeBytes">1, 2, 4 or 8.</param>
/// <param name="Values">In order of declaration.</param>
internal sealed record CEnum(string Name, string Source, bool IsSigned, int SizeBytes, ImmutableArray<CConstant> Values);
