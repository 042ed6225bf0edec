namespace Datapath.Agent;

/// <summary>What whoever opens a denied connection meets.</summary>
internal enum DeniedAnswer
{
    /// <summary>Silence.</summary>
    Drop,

    /// <summary>A reset.</summary>
    Reset,
}
