// The events of a subscription. Azure allows one system topic a source, so this is made only where there is none.

@description('Name of the system topic')
param name string

@description('Tags')
param tags object

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: name
  // Events of a subscription belong to no region.
  location: 'global'
  tags: tags
  // The identity that keeps dead-letters and, where asked for, delivers into the queue.
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    source: subscription().id
    topicType: 'Microsoft.Resources.Subscriptions'
  }
}

output name string = topic.name
output principalId string = topic.identity.principalId
