namespace Datapath.Interop;

/// <summary>What a probe found.</summary>
public enum FeatureAnswer
{
    /// <summary>It was tried and refused in a way that means the kernel does not know it.</summary>
    No,

    /// <summary>It was tried and worked.</summary>
    Yes,

    /// <summary>It could not be tried, mostly for lack of privileges.</summary>
    CouldNotTell,
}
