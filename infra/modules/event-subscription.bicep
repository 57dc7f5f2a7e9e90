// What Tether is told of, on a system topic that may be somebody else's: the topic itself is never written here.

@description('Name of the system topic')
param topicName string

@description('Name of the event subscription')
param name string

@description('Where events go: function (needs public inbound) or queue (needs an identity on the topic)')
@allowed([
  'function'
  'queue'
])
param delivery string

@description('Whether the topic has a system-assigned identity with a right to the dead-letter container (and the queue)')
param hasIdentity bool

@description('Id of the function that takes the events')
param functionId string

@description('Id of the storage account with the queue and the dead-letter container')
param storageAccountId string

@description('Name of the queue')
param queueName string

@description('Name of the dead-letter container')
param deadLetterContainer string

@description('Event types and operations that wake Tether: infra/events.json')
param eventFilter object

var toFunction = {
  endpointType: 'AzureFunction'
  properties: {
    resourceId: functionId
    // One a call: Event Grid waits 30 s for the answer, and a newborn zone must not stand in line behind others.
    maxEventsPerBatch: 1
    preferredBatchSizeInKilobytes: 64
  }
}

var toQueue = {
  identity: {
    type: 'SystemAssigned'
  }
  destination: {
    endpointType: 'StorageQueue'
    properties: {
      resourceId: storageAccountId
      queueName: queueName
      // Never: work is done, or lies in the poison queue.
      queueMessageTimeToLiveInSeconds: -1
    }
  }
}

var toBlobs = {
  identity: {
    type: 'SystemAssigned'
  }
  deadLetterDestination: {
    endpointType: 'StorageBlob'
    properties: {
      resourceId: storageAccountId
      blobContainerName: deadLetterContainer
    }
  }
}

var intoQueue = delivery == 'queue'

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: topicName
}

resource events 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: topic
  name: name
  properties: {
    destination: intoQueue ? null : toFunction
    deliveryWithResourceIdentity: intoQueue ? toQueue : null
    deadLetterWithResourceIdentity: hasIdentity ? toBlobs : null
    // azure-functions decodes this schema to an EventGridEvent.
    eventDeliverySchema: 'EventGridSchema'
    filter: {
      includedEventTypes: eventFilter.eventTypes
      advancedFilters: [
        {
          operatorType: 'StringIn'
          key: 'data.operationName'
          values: eventFilter.operations
        }
      ]
    }
    // The most that there is: the sweep makes up for what is lost after that.
    retryPolicy: {
      maxDeliveryAttempts: 30
      eventTimeToLiveInMinutes: 1440
    }
  }
}
