using Datapath.Interop.Libc;

namespace Datapath.Interop;

/// <summary>Whether this kernel can do something we would like to use.</summary>
/// <param name="Name">The feature.</param>
/// <param name="Answer">The answer.</param>
/// <param name="Reason">What the answer rests on: what was tried and what came back.</param>
/// <param name="FirstVersion">The first kernel of kernel.org that has it; distributions may have it earlier.</param>
/// <param name="RefusalNumber">The errno of the refusal, positive; 0 when nothing was refused or the number is not known.</param>
public sealed record KernelFeature(string Name, FeatureAnswer Answer, string Reason, KernelVersion FirstVersion, int RefusalNumber = 0);
