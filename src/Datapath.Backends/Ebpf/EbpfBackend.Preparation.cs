namespace Datapath.Backends.Ebpf;

/// <content>What is made before there is a policy.</content>
public sealed partial class EbpfBackend
{
    // There are maps and programs, and nothing was ever applied: nobody needs them but the first policy.
    private bool _isPrepared;

    /// <inheritdoc/>
    /// <remarks>The verifier takes half a second for the programs, which is most of a start.</remarks>
    public void Prepare()
    {
        if (_session is null && !_pins.Exists())
        {
            // Before that: what is refused half-way is taken away, too.
            _isPrepared = true;
            Guard(() => Open(rehearses: true));
        }
    }

    private void RemovePrepared()
    {
        if (!_isPrepared)
        {
            return;
        }

        try
        {
            if (Guard(HasPredecessor))
            {
                LeaveToPredecessor();
            }
            else
            {
                Remove(dryRun: false);
            }
        }
        catch (BackendException)
        {
            // Attached to nothing, it does nothing; the next agent takes it over, and purge says what is left.
        }
    }
}
